"""The input audio buffer: what the client has sent and no item holds yet. Positions count from the first byte."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import Encoding
from duologue.protocol.server.account import Account
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["MOST_BUFFERED_MS", "InputAudio"]

MOST_BUFFERED_MS: Final = 20 * 60 * 1000
"""A third of the longest session, 58 MB at 24 kHz: nobody speaks one turn of that length, a runaway sender does."""

_STEP_BYTES: Final = 64 * 1024
"""In which the buffer is counted: a second and a third at 24 kHz, so that most appends need not ask."""


class InputAudio:
    """Audio between `start_byte` and `end_byte` of the session, in the session's input format.

    Clients may cut it anywhere: half a sample stays until its other half comes, so that nothing is taken out of step.
    """

    def __init__(self, encoding: Encoding, account: Account) -> None:
        self.encoding = encoding
        self._account = account
        self._held = bytearray()
        self._start_byte = 0
        self._counted_bytes = 0

    @property
    def start_ms(self) -> int:
        """Where the buffer begins."""
        return self.encoding.duration_ms(self._start_byte)

    @property
    def end_ms(self) -> int:
        """Length of all audio that ever came."""
        return self.encoding.duration_ms(self._start_byte + len(self._held))

    @property
    def held_ms(self) -> int:
        """Length of what the buffer holds."""
        return self.encoding.duration_ms(len(self._held))

    def append(self, audio: bytes) -> None:
        """Take more audio. Raises InvalidRequest if the buffer is full."""
        held_bytes = len(self._held) + len(audio)
        if self.encoding.duration_ms(held_bytes) > MOST_BUFFERED_MS:
            raise InvalidRequest("buffer_full", param="audio", held_ms=self.held_ms)
        if held_bytes > self._counted_bytes:
            self._count(held_bytes)
        self._held += audio

    def take(self, start_ms: int | None = None, end_ms: int | None = None) -> bytes:
        """Audio from `start_ms` to `end_ms`, or to the ends of the buffer; all before `end_ms` is dropped."""
        first = 0 if start_ms is None else self._offset(start_ms)
        last = self._whole_bytes() if end_ms is None else self._offset(end_ms)
        taken = bytes(self._held[first:last])
        self._drop(last)
        return taken

    def held(self, from_byte: int = 0) -> bytes:
        """What the buffer holds, from a place in it on; nothing is dropped."""
        return bytes(self._held[from_byte : self._whole_bytes()])

    def keep_from(self, start_ms: int) -> None:
        """Drop what lies before `start_ms`."""
        self._drop(self._offset(start_ms))

    def clear(self) -> None:
        """Drop everything."""
        self._drop(self._whole_bytes())

    def change_encoding(self, encoding: Encoding) -> None:
        """Take another format from now on. What was held in the old one is dropped; positions go on."""
        end_ms = self.end_ms
        self._held.clear()
        self._count(0)
        self.encoding = encoding
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
        """Have this much counted, in steps. Raises InvalidRequest if it does not fit."""
        wanted_bytes = -(-n_bytes // _STEP_BYTES) * _STEP_BYTES
        if wanted_bytes > self._counted_bytes:
            self._account.take("input", wanted_bytes - self._counted_bytes, param="audio")
        else:
            self._account.change("input", wanted_bytes - self._counted_bytes)
        self._counted_bytes = wanted_bytes
