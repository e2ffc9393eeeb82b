"""The microphone of this machine."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import Framer
from duologue.client.sound.devices import Device, Record, open_microphone, usual_rate
from duologue.client.sound.sources import AudioSource
from duologue.errors import DuologueError

__all__ = ["Microphone"]

_logger = logging.getLogger(__name__)

_PIECE_MS: Final = 40
"""Audio in one append: it delays turn detection by as much, and 25 messages a second cost little."""

_MAX_UNREAD: Final = 200
"""Pieces that wait for a server that does not read: eight seconds. After that the microphone is not heard."""


class Microphone(AudioSource):
    """The microphone of this machine. Needs the `mic` extra, and `audio` where its rate is not that of the session.

    Nothing takes the loudspeaker out of what it hears: use headphones, or a device that does.
    """

    def __init__(self, device: Device = None, *, rate_hz: int | None = None) -> None:
        """`rate_hz` is by default that of the session if the device can, else its own."""
        self._device = device
        self._wanted_hz = rate_hz
        self._unread: deque[bytes] = deque()
        self._filled = asyncio.Event()
        self._close: Callable[[], None] | None = None
        self._is_full = False
        self._is_closed = False

    async def open(self, session: Encoding) -> None:
        """Open the device. Raises as `open_microphone` does."""
        loop = asyncio.get_running_loop()

        def record(pcm16: bytes) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._recorded, pcm16)

        # Opening a device takes half a second with some drivers.
        rate_hz = await asyncio.to_thread(self._open, session.rate_hz, record)
        self.encoding: Encoding | None = replace(PCM, rate_hz=rate_hz)
        self._framer = Framer(self.encoding, frame_ms=_PIECE_MS)

    async def read(self) -> bytes:
        """The next 40 ms."""
        while not self._unread:
            self._filled.clear()
            await self._filled.wait()
        return self._unread.popleft()

    async def close(self) -> None:
        """Close the device, or as soon as it is open."""
        self._is_closed = True
        if self._close is not None:
            await asyncio.to_thread(self._close)

    def _open(self, session_hz: int, record: Record) -> int:
        rate_hz = self._wanted_hz if self._wanted_hz is not None else session_hz
        try:
            self._keep(open_microphone(rate_hz, record, device=self._device))
        except DuologueError:
            own_hz = None if self._wanted_hz is not None else usual_rate("input", device=self._device)
            if own_hz in (None, rate_hz):
                raise
            rate_hz = own_hz
            self._keep(open_microphone(rate_hz, record, device=self._device))
        return rate_hz

    def _keep(self, close: Callable[[], None]) -> None:
        self._close = close
        if self._is_closed:  # the wait for it was cancelled
            close()

    def _recorded(self, pcm16: bytes) -> None:
        for piece in self._framer.push(pcm16):
            if len(self._unread) >= _MAX_UNREAD:
                if not self._is_full:
                    _logger.warning("the server is too slow: what the microphone hears is dropped until it reads again")
                self._is_full = True
                return
            self._is_full = False
            self._unread.append(piece)
            self._filled.set()
