"""A transport that ends without a close at a chosen message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from duologue.errors import ConnectionClosedError
from duologue.transports import Transport

BROKEN = 1006


class CuttingTransport:
    """Passes so many messages, both ways together, and then breaks off. `passed` counts them.

    A message that is sent at the cut is on its way, as one in the buffer of a socket is, and may or may not arrive;
    here it does if its number is even.
    """

    def __init__(self, transport: Transport, *, after: int | None, break_off: Callable[[], Awaitable[None]]) -> None:
        self.passed = 0
        self._transport = transport
        self._after = after
        self._break_off = break_off
        self._cut = asyncio.Event()

    async def send(self, message: str | bytes, /) -> None:
        """Pass a message on, or break off."""
        self._raise_if_cut()
        if self.passed == self._after and self.passed % 2:
            await self._break()
            return
        await self._transport.send(message)
        await self._count()

    async def receive(self) -> str | bytes:
        """The next message, or the end."""
        self._raise_if_cut()
        receiving = asyncio.ensure_future(self._transport.receive())
        cutting = asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait([receiving, cutting], return_when=asyncio.FIRST_COMPLETED)
            self._raise_if_cut()
            message = receiving.result()
        finally:
            for task in (receiving, cutting):
                task.cancel()
            await asyncio.gather(receiving, cutting, return_exceptions=True)
        await self._count()
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close what is behind it."""
        await self._transport.close(code, reason)

    async def _count(self) -> None:
        if self.passed == self._after:
            await self._break()
        self.passed += 1

    async def _break(self) -> None:
        self._cut.set()
        await self._break_off()

    def _raise_if_cut(self) -> None:
        if self._cut.is_set():
            raise ConnectionClosedError(BROKEN, "the connection broke off")
