"""The sound that a peer on `wrtc` sends, with pauses that the other end takes for what they are."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from duologue.clock import loop_time
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, RATE_HZ

if TYPE_CHECKING:
    import webrtc

__all__ = ["WrtcVoice"]

_PAUSE_S: Final = 0.2
"""A gap between frames from which on it counts as a pause. Jitter buffers are used to less."""

_SWITCHED_ON_S: Final = 0.005
"""How long the switch takes to reach libwebrtc's encoder: under load, what came within 2 ms of it got lost at times."""

_MAX_WAITING: Final = 50
"""Frames that may wait for the end of a pause, which takes 10 ms: a second of sound."""


class WrtcVoice:
    """Sends frames at once. Behind a pause it has the RTP timestamps catch up first.

    libwebrtc counts them by the samples it was given, not by the clock. A pause of two seconds would look to the jitter
    buffer of the other end like a packet that was two seconds late, and it would hold back all that follows for longer:
    measured, 0.3 s instead of 0.05 s. An encoding that is switched off and on begins at the present time again.
    """

    def __init__(self, connection: webrtc.RTCPeerConnection) -> None:
        import webrtc

        self._track = webrtc.MediaStreamTrackGenerator("audio")
        # The stream puts an a=msid into the description; without one, pages that play `event.streams[0]` are silent.
        self._sender = connection.add_track(self._track, webrtc.MediaStream())
        self._due_s: float | None = None
        """When the sound given so far ends."""
        self._waiting: deque[bytes] = deque(maxlen=_MAX_WAITING)
        self._catching_up: asyncio.Task[None] | None = None

    def write(self, frame: bytes) -> None:
        """Send a frame; never waits."""
        now = loop_time()
        due_s, self._due_s = self._due_s, max(self._due_s or now, now) + FRAME_MS / 1000
        if self._catching_up is not None:
            self._waiting.append(frame)
        elif due_s is not None and now > due_s + _PAUSE_S:
            self._waiting.append(frame)
            self._catching_up = asyncio.ensure_future(self._catch_up())  # noqa: TID251 - `stop` ends it
        else:
            self._send(frame)

    async def stop(self) -> None:
        """End the track. No more frames may be written."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)
        self._track.stop()

    async def _catch_up(self) -> None:
        import webrtc

        try:
            if len(self._waiting) > 1:
                return  # no pause: the event loop was late, and these should have been sent meanwhile
            for active in (False, True):
                parameters = self._sender.get_parameters()
                for encoding in parameters.encodings:
                    encoding.active = active
                await self._sender.set_parameters(parameters)
            await asyncio.sleep(_SWITCHED_ON_S)
        except webrtc.RTCException:
            pass  # the call ends, or is not negotiated yet
        finally:
            self._catching_up = None
            while self._waiting:
                self._send(self._waiting.popleft())

    def _send(self, frame: bytes) -> None:
        # The public way, a WritableStream of AudioData, comes to the same call, by 60 µs more of Python a frame.
        self._track._generator.writeAudio(frame, RATE_HZ, 1, FRAME_BYTES // 2)  # pyright: ignore[reportPrivateUsage]
