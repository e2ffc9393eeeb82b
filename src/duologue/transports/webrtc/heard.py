"""Decoded sound of a stack, in its own pieces, as frames of the seam."""

from __future__ import annotations

from duologue.audio.buffers import mono_pcm16
from duologue.audio.resampling import ResampleStream
from duologue.transports.webrtc.peer import FRAME_BYTES, RATE_HZ

__all__ = ["HeardFrames"]


class HeardFrames:
    """Pieces of PCM16 of any rate in, frames of `FRAME_BYTES` out, in order."""

    def __init__(self) -> None:
        self._resampler: ResampleStream | None = None
        self._rate_hz = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._ready = bytearray()

    def push(self, pcm16: bytes, *, rate_hz: int, channels: int) -> None:
        """Take the next piece, interleaved; several channels are averaged."""
        mono = pcm16 if channels == 1 else mono_pcm16(pcm16, channels=channels)
        if rate_hz != self._rate_hz:
            self._convert()
            self._resampler = ResampleStream(rate_hz, RATE_HZ)
            self._rate_hz = rate_hz
        self._pending.append(mono)
        self._pending_bytes += len(mono)
        # One call a frame: what a call costs does not depend on how long the piece is.
        if self._pending_bytes * RATE_HZ >= FRAME_BYTES * rate_hz:
            self._convert()

    def take(self) -> bytes | None:
        """The next frame, if there is a whole one."""
        if len(self._ready) < FRAME_BYTES:
            return None
        frame = bytes(self._ready[:FRAME_BYTES])
        del self._ready[:FRAME_BYTES]
        return frame

    def _convert(self) -> None:
        if self._resampler is not None and self._pending:
            self._ready += self._resampler.push(b"".join(self._pending))
        self._pending.clear()
        self._pending_bytes = 0
