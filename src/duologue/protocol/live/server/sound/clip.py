"""A clip that is played in place of the voice."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.resampling import ResampleStream

__all__ = ["FixtureClip"]

_STEP_BYTES: Final = PCM.bytes_for_ms(100)


class FixtureClip:
    """PCM16 of 24 kHz, in the session's format as it is heard. To convert half a minute of it at once takes 30 ms, in
    which all sessions would wait."""

    def __init__(self, pcm16: bytes, encoding: Encoding) -> None:
        """Raises MissingExtra if nothing is installed that converts it."""
        self._pcm16 = pcm16
        self._at = 0
        """How much is converted."""
        self._n_taken = 0
        self._encoding = encoding
        self._resampling = ResampleStream(PCM.rate_hz, encoding.rate_hz, quality="HQ")
        self._ready = bytearray()
        if encoding.rate_hz != PCM.rate_hz:
            self._convert()  # what is missing is known now

    @property
    def held_bytes(self) -> int:
        """Bytes in memory."""
        return len(self._pcm16) + len(self._ready)

    @property
    def left_ms(self) -> int:
        """How much is still to be heard."""
        return max(0, PCM.duration_ms(len(self._pcm16)) - self._encoding.duration_ms(self._n_taken))

    @property
    def is_over(self) -> bool:
        """Whether all has been taken."""
        return not self._ready and self._at == len(self._pcm16)

    def take(self, n_bytes: int) -> bytes:
        """The next part, in the session's format; shorter at the end."""
        while len(self._ready) < n_bytes and self._at < len(self._pcm16):
            self._convert()
        taken = bytes(self._ready[:n_bytes])
        del self._ready[:n_bytes]
        self._n_taken += len(taken)
        return taken

    def _convert(self) -> None:
        step = self._pcm16[self._at : self._at + _STEP_BYTES]
        self._at += len(step)
        converted = self._resampling.push(step)
        if self._at == len(self._pcm16):
            converted += self._resampling.flush()
        self._ready += self._encoding.from_pcm16(converted)
