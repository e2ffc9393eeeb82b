"""The input audio buffer: audio that no item holds yet. Positions count from the session's first byte."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import Encoding
from duologue.protocol.server.account import MemoryAccount
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
        self.encoding = encoding
        self._max_bytes = encoding.bytes_for_ms(MAX_BUFFERED_MS + 1) - 1
        self._account = account
        self._held = bytearray()
        self._start_byte = 0
        self._counted_bytes = 0

    @property
    def start_ms(self) -> int:
        """Position of the buffer's start."""
        return self.encoding.duration_ms(self._start_byte)

    @property
    def end_ms(self) -> int:
        """Position of the buffer's end: the length of all audio so far."""
        return self.encoding.duration_ms(self._start_byte + len(self._held))

    @property
    def held_ms(self) -> int:
        """Length of the buffer."""
        return self.encoding.duration_ms(len(self._held))

    def append(self, audio: bytes) -> None:
        """Add audio. Raises InvalidRequest if the buffer is full."""
        held_bytes = len(self._held) + len(audio)
        if held_bytes > self._counted_bytes:
            if held_bytes > self._max_bytes:
                raise InvalidRequest("buffer_full", param="audio", held_ms=self.held_ms)
            self._count(held_bytes)
        self._held += audio

    def take(self, start_ms: int | None = None, end_ms: int | None = None) -> bytes:
        """Return the audio from `start_ms` to `end_ms`, by default all, and drop what lies before `end_ms`."""
        first = 0 if start_ms is None else self._offset(start_ms)
        last = self._whole_bytes() if end_ms is None else self._offset(end_ms)
        taken = bytes(self._held[first:last])
        self._drop(last)
        return taken

    def held(self, from_byte: int = 0) -> bytes:
        """The buffer's audio from `from_byte` on; nothing is dropped."""
        return bytes(self._held[from_byte : self._whole_bytes()])

    def keep_from(self, start_ms: int) -> None:
        """Drop the audio before `start_ms`."""
        self._drop(self._offset(start_ms))

    def clear(self) -> None:
        """Drop everything."""
        self._drop(self._whole_bytes())

    def change_encoding(self, encoding: Encoding) -> None:
        """Change the format. Audio in the old format is dropped; positions go on."""
        end_ms = self.end_ms
        self._held.clear()
        self._count(0)
        self.encoding = encoding
        self._max_bytes = encoding.bytes_for_ms(MAX_BUFFERED_MS + 1) - 1
        self._start_byte = encoding.bytes_for_ms(end_ms)

    def _offset(self, position_ms: int) -> int:
        return min(max(self.encoding.bytes_for_ms(position_ms) - self._start_byte, 0), self._whole_bytes())

    def _whole_bytes(self) -> int:
        return len(self._held) // self.encoding.bytes_per_sample * self.encoding.bytes_per_sample

    def _drop(self, n_bytes: int) -> None:
        del self._held[:n_bytes]
        self._start_byte += n_bytes
        if self._counted_bytes - len(self._held) >= 2 * _STEP_BYTES:
            self._count(len(self._held))

    def _count(self, n_bytes: int) -> None:
        """Count this many bytes, in steps. Raises InvalidRequest if they do not fit."""
        wanted_bytes = min(-(-n_bytes // _STEP_BYTES) * _STEP_BYTES, self._max_bytes)
        if wanted_bytes > self._counted_bytes:
            self._account.take("input", wanted_bytes - self._counted_bytes, param="audio")
        else:
            self._account.change("input", wanted_bytes - self._counted_bytes)
        self._counted_bytes = wanted_bytes
