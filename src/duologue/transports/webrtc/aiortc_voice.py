"""The sound that a peer on `aiortc` sends: encoded here, once, at the rate of the seam."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any, Final

from aiortc import MediaStreamError, MediaStreamTrack
from av import AudioCodecContext, AudioFrame, CodecContext, Packet

from duologue.clock import loop_time
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, RATE_HZ

__all__ = ["AiortcVoice"]

_MAX_WAITING: Final = 50
"""Packets that may wait until the stack has sent those before: a second of sound."""

_BITS_PER_S: Final = 32_000
"""What libwebrtc chooses for one channel of speech."""

_TIME_BASE: Final = Fraction(1, RATE_HZ)
_FRAME_SAMPLES: Final = FRAME_BYTES // 2


class AiortcVoice(MediaStreamTrack):
    """A track of Opus packets. A pause between frames is one in their timestamps.

    aiortc's own encoder would convert to stereo at 48 kHz first, in a thread for each frame, at twice the cost.
    """

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        context = CodecContext.create("libopus", "w")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate, context.layout, context.format = RATE_HZ, "mono", "s16"
        context.bit_rate, context.time_base = _BITS_PER_S, _TIME_BASE
        context.options = {"application": "voip"}
        self._encoder = context
        self._packets: asyncio.Queue[Packet[Any] | None] = asyncio.Queue()
        self._begun_s: float | None = None
        self._n_samples = 0

    def write(self, frame: bytes) -> None:
        """Encode a frame, which takes 0.15 ms, and have it sent."""
        now = loop_time()
        if self._begun_s is None:
            self._begun_s = now
        elapsed = round((now - self._begun_s) * RATE_HZ)
        if elapsed > self._n_samples + 5 * _FRAME_SAMPLES:  # a pause; a pacer on a busy loop is late by less
            self._n_samples = elapsed - elapsed % _FRAME_SAMPLES
        sound = AudioFrame(format="s16", layout="mono", samples=_FRAME_SAMPLES)
        sound.planes[0].update(frame)
        sound.sample_rate = RATE_HZ
        for packet in self._encoder.encode(sound):
            packet.pts, packet.time_base = self._n_samples, _TIME_BASE
            if self._packets.qsize() < _MAX_WAITING:
                self._packets.put_nowait(packet)
        self._n_samples += _FRAME_SAMPLES

    async def recv(self) -> Packet[Any]:
        """The next packet, for the stack. Raises MediaStreamError: the track has ended."""
        packet = await self._packets.get() if self.readyState == "live" else None
        if packet is None:
            raise MediaStreamError
        return packet

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._packets.put_nowait(None)


assert FRAME_MS == 20  # an Opus packet of this encoder
