"""Decoded sound of a stack, in its own pieces, as frames of the seam."""

from __future__ import annotations

from duologue.audio.buffers import mono_pcm16
from duologue.audio.resampling import ResampleStream
from duologue.transports.webrtc.peer import FRAME_BYTES, RATE_HZ

__all__ = ["HeardFrames"]


class HeardFrames:
    """Pieces of PCM16 of any rate in, whole frames of `FRAME_BYTES` out, in order."""

    def __init__(self) -> None:
        self._resampler: ResampleStream | None = None
        self._rate_hz = 0
        self._pending: list[bytes] = []
        self._ready = b""

    def push(self, pcm16: bytes, *, rate_hz: int, channels: int) -> None:
        """Take the next piece, interleaved; several channels are averaged."""
        mono = pcm16 if channels == 1 else mono_pcm16(pcm16, channels=channels)
        if rate_hz != self._rate_hz:
            self._convert()
            self._resampler = ResampleStream(rate_hz, RATE_HZ)
            self._rate_hz = rate_hz
        self._pending.append(mono)

    def take(self) -> bytes:
        """All whole frames that there are."""
        self._convert()
        whole = len(self._ready) // FRAME_BYTES * FRAME_BYTES
        frames = self._ready[:whole]
        self._ready = self._ready[whole:]
        return frames

    def _convert(self) -> None:
        # One call for all pieces: what a call costs depends little on their length.
        if self._resampler is not None and self._pending:
            self._ready += self._resampler.push(b"".join(self._pending))
            self._pending.clear()
