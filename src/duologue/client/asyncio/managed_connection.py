"""A connection that one task opens and closes, so that the next can be opened before the last is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias

from duologue.client.asyncio.connection import Connection
from duologue.tracebacks import anew

__all__ = ["ManagedConnection", "OpenConnection"]

_logger = logging.getLogger(__name__)

OpenConnection: TypeAlias = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens one connection; called again for each reconnect and each rotation."""

_CLOSE_S: Final = 6.0
"""A connection that has not closed by then is cancelled; its own limits add up to five seconds."""


class ManagedConnection:
    """One connection, open from its making until `close`."""

    def __init__(self, open_connection: OpenConnection) -> None:
        self._opened: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        """The task, until it has ended: then nothing keeps it, because its exception refers to this object."""
        task = asyncio.ensure_future(self._hold(open_connection))  # noqa: TID251 - `close` ends it
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def __repr__(self) -> str:
        if not self._opened.done():
            return "<ManagedConnection, being opened>"
        if self._opened.cancelled() or self.fault is not None:
            return f"<ManagedConnection, not opened: {self.fault or 'given up'}>"
        return f"<ManagedConnection of {self._opened.result()!r}>"

    async def _hold(self, open_connection: OpenConnection) -> None:
        try:
            async with open_connection() as connection:
                self._opened.set_result(connection)
                await self._released.wait()
        except Exception as fault:
            if self._opened.done():
                _logger.exception("a connection did not close cleanly")
            else:
                self._opened.set_exception(fault.with_traceback(None))  # the task that waits for it has its own
        finally:
            self._opened.cancel()

    @property
    def is_decided(self) -> bool:
        """Whether it is open, or opening it failed: `opened` returns or raises at once."""
        return self._opened.done()

    @property
    def fault(self) -> Exception | None:
        """Why opening it failed; None while it is being opened and when it is open."""
        if not self._opened.done() or self._opened.cancelled():
            return None
        fault = self._opened.exception()
        assert fault is None or isinstance(fault, Exception), "`_hold` sets no other"
        return fault

    async def opened(self) -> Connection:
        """The connection, once it is open. Raises ConnectFailed, or whatever else opening it raised."""
        await asyncio.wait([self._opened])
        if self.fault is not None:
            raise anew(self.fault)
        return self._opened.result()

    async def close(self, *, at_once: bool = False) -> None:
        """Close it; with `at_once`, without sending what is waiting. Gives up opening it.

        Bounded in time; cancelled, it does not wait for the end.
        """
        running = [*self._running]
        if at_once or not self._opened.done():
            _cancel(running)
        self._released.set()
        try:
            await _ends(running)
        finally:
            _cancel(running)
        await _ends(running)
        if self.fault is not None:  # asked for, because asyncio would log an exception that is never retrieved
            # What the caller of `opened` has caught refers to this object.
            self._opened = asyncio.get_running_loop().create_future()
            self._opened.cancel()


async def _ends(tasks: list[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=_CLOSE_S)


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
