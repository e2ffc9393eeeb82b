"""The sound of a peer on `wrtc`, both ways: the one place that goes past the package's public API, for what it costs.

Public are streams of the browser's kind: `WritableStream.write(AudioData)`, and `ReadableStream.read()`, which wakes
the event loop for every 10 ms. They come to the same calls, and to several times the time in Python.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from duologue.clock import loop_time
from duologue.transports.webrtc.heard import HeardFrames
from duologue.transports.webrtc.peer import FRAME_BYTES, RATE_HZ

if TYPE_CHECKING:
    import webrtc
    import wrtc

__all__ = ["WrtcSound"]

_MAX_UNHEARD: Final = 500
"""Pieces of 10 ms that wait for `hear`, 0.5 MB: five seconds, for a loop that is late. Behind that the oldest go."""

_WAKE_S: Final = 0.04
"""How often sound is taken: two frames at a time, for half of what one at a time takes in Python. Speech is known 10 ms
later for it on average. All calls of a process do so at the same moments: one wake-up of the event loop is for all."""

_LOOK_AGAIN_S: Final = 0.005
"""libwebrtc hands out sound in time, by a thread of its own. What is not there when it is due comes soon."""


class WrtcSound:
    """A track to send, and the other end's once there is one."""

    def __init__(self, connection: webrtc.RTCPeerConnection) -> None:
        import webrtc

        self._track = webrtc.MediaStreamTrackGenerator("audio")
        # The stream puts an a=msid into the description; without one, pages that play `event.streams[0]` are silent.
        connection.add_track(self._track, webrtc.MediaStream())
        self._heard: wrtc.MediaStreamTrackProcessor | None = None
        self._listening = asyncio.Event()
        self._frames = HeardFrames()
        self._due_s = 0.0

    def play(self, frame: bytes) -> None:
        """Send a frame now; the track is not stopped.

        libwebrtc counts timestamps by samples, not by the clock, so behind a pause they are late. The jitter buffers of
        Chromium 156 and of libwebrtc M152 take it as a pause all the same, as was measured.
        """
        self._track._generator.writeAudio(frame, RATE_HZ, 1, FRAME_BYTES // 2)  # pyright: ignore[reportPrivateUsage]

    def listen(self, track: webrtc.MediaStreamTrack) -> None:
        """Hear this track, if none is heard yet."""
        import wrtc

        if self._heard is None and track.kind == "audio":
            native = track._native_obj  # pyright: ignore[reportPrivateUsage]
            self._heard = wrtc.MediaStreamTrackProcessor(native, _MAX_UNHEARD)
            self._listening.set()

    async def hear(self, check: Callable[[], None]) -> bytes:
        """The next frames. `check` is called before every wait, and raises at the end of the call."""
        check()
        await self._listening.wait()
        while True:
            await asyncio.sleep(max(self._due_s - loop_time(), _LOOK_AGAIN_S))
            check()
            self._read()
            if frames := self._frames.take():
                self._due_s = (loop_time() // _WAKE_S + 1) * _WAKE_S
                return frames

    def stop(self) -> None:
        """Stop both ways, and wake `hear` where it waits for the other end's track."""
        self._track.stop()
        self._listening.set()
        if self._heard is not None:
            self._heard.cancel()

    def _read(self) -> None:
        """Take the pieces that are there."""
        while self._heard is not None and (piece := self._heard.read()) is not None:
            if len(piece) == 6 and piece[1] == 16:  # four values are a picture; 16 bits a sample
                self._frames.push(piece[0], rate_hz=piece[2], channels=piece[3])
