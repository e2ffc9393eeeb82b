"""A feed of audio that goes to the server without a break, as the families without turns need it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from duologue.conformance.outcomes import Violation
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import BYTES_PER_MS, append_of

__all__ = ["AudioFeed"]

_CHUNK_MS: Final = 100
"""Audio in one append: 20 to 100 ms is what clients of Live send, 200 ms those of translation."""


class AudioFeed:
    """Sends silence in real time, and in its place what is said. A timeline in the server advances with it."""

    def __init__(self, connection: RawConnection, *, append: str, bytes_per_ms: int, silence: bytes) -> None:
        self._connection = connection
        self._append = append
        self._chunk_bytes = _CHUNK_MS * bytes_per_ms
        self._silence = silence
        self._waiting = bytearray()
        self._silent = asyncio.Event()
        self._silent.set()
        self.sent_ms: int = 0

    @classmethod
    @asynccontextmanager
    async def on(
        cls, connection: RawConnection, *, append: str, bytes_per_ms: int = BYTES_PER_MS, silence: bytes = b"\0"
    ) -> AsyncGenerator[AudioFeed, None]:
        """Sends for the length of a block; `silence` is the byte that silence is made of.

        It stops when the server closes: what waits for answers says so.
        """
        feed = cls(connection, append=append, bytes_per_ms=bytes_per_ms, silence=silence)
        sending = asyncio.ensure_future(feed._send())  # noqa: TID251 - ended and awaited below
        try:
            yield feed
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def say(self, audio: bytes) -> None:
        """Send this audio next, and wait until it is sent. Returns at once when the server has closed."""
        if self._connection.trace.closed is None:
            self._waiting += audio
            self._silent.clear()
            await self._silent.wait()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            while True:
                chunk = bytes(self._waiting[: self._chunk_bytes])
                del self._waiting[: self._chunk_bytes]
                await self._connection.feed(append_of(chunk.ljust(self._chunk_bytes, self._silence), self._append))
                self.sent_ms += _CHUNK_MS
                await asyncio.sleep(began + self.sent_ms / 1000 - loop.time())
                if not self._waiting:
                    self._silent.set()
        except Violation:
            self._silent.set()  # the server has closed, which the trace says
