"""Loudspeakers: what takes speech when it needs it, in a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from duologue.audio.formats import PCM, Encoding
from duologue.client.sound.devices import Device, Play, open_loudspeaker, usual_rate
from duologue.errors import DuologueError

__all__ = ["Loudspeaker", "PullSink"]


class PullSink:
    """Asks for audio when it needs it, as the callbacks of audio libraries do. Subclasses write all of it."""

    async def open(self, session: Encoding) -> Encoding:
        """Begin. Returns the encoding in which audio is wanted; the session's output has the other one."""
        raise NotImplementedError

    def start(self, take: Play) -> None:
        """From now on `take(n_bytes, at)` may be called, in any thread, for what is to be heard from `at` on."""
        raise NotImplementedError

    def now(self) -> float:
        """The clock of `at`, in seconds."""
        return time.monotonic()

    async def close(self) -> None:
        """End; `take` is not called any more."""
        raise NotImplementedError


class Loudspeaker(PullSink):
    """The loudspeaker of this machine. Needs the `mic` extra, and `audio` where it does not play at the session's rate.

    It plays in a thread of its own, whatever the program does, and reports when each sound leaves it.
    """

    def __init__(self, device: Device = None, *, rate_hz: int | None = None) -> None:
        """`rate_hz` is by default that of the session if the device can, else its own."""
        self._device = device
        self._rate_hz = rate_hz
        self._take: Play = _silent
        self._close: Callable[[], None] = _nothing
        self._is_closed = False

    async def open(self, session: Encoding) -> Encoding:
        """Open the device. Raises as `open_loudspeaker` does."""
        # Opening a device takes half a second with some drivers.
        return await asyncio.to_thread(self._open, session)

    def start(self, take: Play) -> None:
        """Play what `take` returns."""
        self._take = take

    async def close(self) -> None:
        """Close the device at once, or as soon as it is open."""
        self._is_closed = True
        self._take = _silent
        await asyncio.to_thread(self._close)

    def _open(self, session: Encoding) -> Encoding:
        rate_hz = self._rate_hz if self._rate_hz is not None else session.rate_hz
        try:
            self._keep(open_loudspeaker(rate_hz, self._play, device=self._device))
        except DuologueError:
            own_hz = None if self._rate_hz is not None else usual_rate("output", device=self._device)
            if own_hz in (None, rate_hz):
                raise
            rate_hz = own_hz
            self._keep(open_loudspeaker(rate_hz, self._play, device=self._device))
        return replace(PCM, rate_hz=rate_hz)

    def _keep(self, close: Callable[[], None]) -> None:
        self._close = close
        if self._is_closed:  # the wait for it was cancelled
            close()

    def _play(self, n_bytes: int, at_s: float) -> bytes:
        return self._take(n_bytes, at_s)


def _silent(n_bytes: int, at_s: float) -> bytes:
    return b""


def _nothing() -> None:
    """The device is not open."""
