"""The input audio buffer: audio that no item holds yet. Positions count from the session's first byte."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from itertools import accumulate
from typing import Final

from duologue.audio.formats import Encoding
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.server.conversation.audio_pieces import add_piece
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["MAX_BUFFERED_MS", "InputBuffer"]

MAX_BUFFERED_MS: Final = 20 * 60 * 1000
"""A third of the longest session, 58 MB at 24 kHz: no turn is that long; only a faulty client sends as much."""

_STEP_BYTES: Final = 64 * 1024
"""The account counts the buffer in steps of 1.4 s at 24 kHz, so that most appends need no accounting."""


class InputBuffer:
    """Audio between `start_byte` and `end_byte` of the session, in the session's input format.

    An append can end inside a sample: that byte stays until the rest arrives, so that samples stay aligned.
    """

    def __init__(self, encoding: Encoding, account: MemoryAccount) -> None:
        self.encoding: Encoding = encoding
        self._max_bytes = encoding.bytes_for_ms(MAX_BUFFERED_MS + 1) - 1
        self._account = account
        # Pieces instead of one block, which would be copied whenever it grows behind and shrinks in front.
        self._pieces: deque[bytes | bytearray] = deque()
        self._dropped_bytes = 0
        """At the beginning of the first piece, still in memory."""
        self._held_bytes = 0
        self._start_byte = 0
        self._counted_bytes = 0

    @property
    def start_ms(self) -> int:
        """Position of the buffer's start."""
        return self.encoding.duration_ms(self._start_byte)

    @property
    def end_ms(self) -> int:
        """Position of the buffer's end: the length of all audio so far."""
        encoding = self.encoding  # as `duration_ms`: each append asks twice
        return (self._start_byte + self._held_bytes) // encoding.bytes_per_sample * 1000 // encoding.rate_hz

    @property
    def held_ms(self) -> int:
        """Length of the buffer."""
        return self.encoding.duration_ms(self._held_bytes)

    def append(self, audio: bytes) -> None:
        """Add audio. Raises InvalidRequest if the buffer is full."""
        held_bytes = self._held_bytes + len(audio)
        in_memory_bytes = held_bytes + self._dropped_bytes
        if in_memory_bytes > self._counted_bytes:
            if held_bytes > self._max_bytes:
                raise InvalidRequest("buffer_full", param="audio", held_ms=self.held_ms)
            self._count(in_memory_bytes)
        self._held_bytes = held_bytes
        add_piece(self._pieces, audio)

    def take(self, start_ms: int | None = None, end_ms: int | None = None) -> bytes:
        """Return the audio from `start_ms` to `end_ms`, by default all, and drop what lies before `end_ms`."""
        first = 0 if start_ms is None else self._offset(start_ms)
        last = self._whole_bytes() if end_ms is None else self._offset(end_ms)
        taken = self._between(first, last)
        self._drop(last)
        return taken

    def held(self, from_byte: int = 0) -> bytes:
        """The buffer's audio from `from_byte` on; nothing is dropped."""
        return self._between(from_byte, self._whole_bytes())

    def keep_from(self, start_ms: int) -> None:
        """Drop the audio before `start_ms`."""
        before_bytes = self.encoding.bytes_for_ms(start_ms) - self._start_byte
        if before_bytes > 0:
            whole_bytes = self._whole_bytes()
            self._drop(before_bytes if before_bytes < whole_bytes else whole_bytes)

    def clear(self) -> None:
        """Drop everything."""
        self._drop(self._whole_bytes())

    def change_encoding(self, encoding: Encoding) -> None:
        """Change the format. Audio in the old format is dropped; positions go on."""
        end_ms = self.end_ms
        self._pieces.clear()
        self._dropped_bytes = self._held_bytes = 0
        self._count(0)
        self.encoding = encoding
        self._max_bytes = encoding.bytes_for_ms(MAX_BUFFERED_MS + 1) - 1
        self._start_byte = encoding.bytes_for_ms(end_ms)

    def _offset(self, position_ms: int) -> int:
        return min(max(self.encoding.bytes_for_ms(position_ms) - self._start_byte, 0), self._whole_bytes())

    def _whole_bytes(self) -> int:
        return self._held_bytes // self.encoding.bytes_per_sample * self.encoding.bytes_per_sample

    def _between(self, first: int, last: int) -> bytes:
        if last <= first:
            return b""
        pieces = list(self._pieces)
        ends = list(accumulate(map(len, pieces), initial=-self._dropped_bytes))
        begin, end = bisect_right(ends, first) - 1, bisect_left(ends, last)
        pieces = pieces[begin:end]
        pieces[-1] = pieces[-1][: last - ends[end - 1]]
        pieces[0] = pieces[0][first - ends[begin] :]
        return b"".join(pieces)

    def _drop(self, n_bytes: int) -> None:
        self._start_byte += n_bytes
        self._held_bytes -= n_bytes
        self._dropped_bytes += n_bytes
        pieces = self._pieces
        while pieces and len(pieces[0]) <= self._dropped_bytes:
            self._dropped_bytes -= len(pieces.popleft())
        if self._dropped_bytes > _STEP_BYTES and 2 * self._dropped_bytes > len(pieces[0]):
            # A recording at once is one long piece: what is left of it may be a small part.
            pieces[0] = pieces[0][self._dropped_bytes :]
            self._dropped_bytes = 0
        in_memory_bytes = self._held_bytes + self._dropped_bytes
        if self._counted_bytes - in_memory_bytes >= 2 * _STEP_BYTES:
            self._count(in_memory_bytes)

    def _count(self, n_bytes: int) -> None:
        """Count this many bytes, in steps. Raises InvalidRequest if they do not fit."""
        wanted_bytes = min(-(-n_bytes // _STEP_BYTES) * _STEP_BYTES, max(n_bytes, self._max_bytes))
        if wanted_bytes > self._counted_bytes:
            self._account.take("input", wanted_bytes - self._counted_bytes, param="audio")
        else:
            self._account.change("input", wanted_bytes - self._counted_bytes)
        self._counted_bytes = wanted_bytes
