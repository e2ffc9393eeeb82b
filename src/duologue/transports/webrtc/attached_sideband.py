"""A sideband of a call: a second connection to its session, for events without sound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from duologue.errors import ConnectionClosed
from duologue.transports.base import Transport
from duologue.transports.webrtc.outbox import Outbox

__all__ = ["AttachedSideband", "CallEnd"]


class CallEnd(NamedTuple):
    """How a connection of a call was closed."""

    code: int
    reason: str = ""


_TOO_SLOW: Final = CallEnd(1008, "invalid_request_error.client_too_slow")
"""As clients of WebSockets are closed that take nothing."""


class AttachedSideband:
    """Serves one sideband. It ends with its call; the call does not wait for it, and goes on without it."""

    def __init__(
        self,
        transport: Transport,
        receive: Callable[[str | bytes], Awaitable[None]],
        *,
        max_waiting_bytes: int,
        stall_s: float,
    ) -> None:
        """`receive` takes each of its messages. It is cut when more than `max_waiting_bytes` wait for it, or when it
        takes no message for `stall_s`."""
        self._transport = transport
        self._receive = receive
        self._stall_s = stall_s
        self._outbox = Outbox(max_waiting_bytes)
        self._end: CallEnd | None = None
        self._reading: asyncio.Task[None] | None = None
        self._overdue: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the sideband is closed, by either side. Cancelling closes it with 1001."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._reading, writing = tasks.create_task(self._read()), tasks.create_task(self._write())
                await asyncio.wait((self._reading, writing), return_when=asyncio.FIRST_COMPLETED)
                for task in (self._reading, writing):
                    task.cancel()
        except asyncio.CancelledError:
            self._end = self._end or CallEnd(1001, "the server is going away")
            raise
        finally:
            if self._overdue is not None:
                self._overdue.cancel()
            self._outbox.close()
            self._reading = None  # its frames refer to this sideband
            await self._transport.close(*(self._end or CallEnd(1000)))

    def put(self, message: str) -> None:
        """Send it a message, if it keeps up."""
        self._outbox.put(message)
        if self._outbox.is_full:
            self._stop(_TOO_SLOW)

    def finish(self, end: CallEnd) -> None:
        """The call is over: close behind the messages that wait, within `stall_s`."""
        self._end = self._end or end
        self._outbox.finish()
        self._overdue = self._overdue or asyncio.get_running_loop().call_later(self._stall_s, self._stop, end)

    def _stop(self, end: CallEnd) -> None:
        self._end = self._end or end
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        try:
            while True:
                await self._receive(await self._transport.receive())
        except ConnectionClosed:
            return

    async def _write(self) -> None:
        try:
            while (message := await self._outbox.get()) is not None:
                async with asyncio.timeout(self._stall_s):
                    await self._transport.send(message)
        except ConnectionClosed:
            return
        except TimeoutError:
            self._end = _TOO_SLOW
