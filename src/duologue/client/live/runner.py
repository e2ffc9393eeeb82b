"""Keeps one Live session in motion: one task reads, one writes, one watches the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from duologue.client.limits import MAX_QUEUED_EVENTS, POLL_S
from duologue.client.live.connection import LiveConnection
from duologue.errors import ConnectionClosed
from duologue.events.live import LiveEvent
from duologue.printable import printable_name
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.states import LIVE_ENDS

__all__ = ["SessionRunner"]

_logger = logging.getLogger(__name__)

_ABNORMAL_CLOSURE: Final = 1006
_INTERNAL_ERROR: Final = 1011
"""RFC 6455, section 7.4.1."""


class SessionRunner:
    """Moves events between a core and its connection until the session is over.

    `publish` is called with each event that was read, and with None when the core may have notices without an event.
    When the session is over, in whatever way, the connection is closed.
    """

    def __init__(
        self, core: LiveCore, *, publish: Callable[[LiveEvent | None], None], now: Callable[[], float]
    ) -> None:
        self.close_code = _ABNORMAL_CLOSURE
        """With which the connection ended; that of a lost connection without a close frame before it has."""
        self.closed: ConnectionClosed | None = None
        """How the connection ended; None while it has not."""
        self._core = core
        self._publish = publish
        self._now = now
        self._connection: LiveConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._wanted = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def start(self, connection: LiveConnection) -> None:
        """Begin; `stop` ends it."""
        self._connection = connection
        work = (self._read(connection), self._write(connection), self._watch())
        # Not a TaskGroup: it would wrap what the application raises inside its block.
        self._tasks = [_start(each) for each in work]

    def wake(self) -> None:
        """Have the writer look for events that the core wants sent."""
        if self._core.n_unsent:
            self._emptied.clear()
            self._wanted.set()

    async def drain(self) -> None:
        """Wait until all that was to be sent is on its way, or the session is over. Cancelling takes nothing back."""
        while not self._emptied.is_set():  # again: of all that wait, only the first may send then
            await self._emptied.wait()

    async def stop(self) -> None:
        """End the tasks, and wait until they are gone."""
        self._emptied.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if (connection := self._connection) is not None:
            connection.log.closed(1000, by="this side", error_code=None, dialect=connection.dialect)

    async def _read(self, connection: LiveConnection) -> None:
        try:
            while self._core.state not in LIVE_ENDS:
                try:
                    event = await connection.receive()
                except ConnectionClosed as closed:
                    self._lost(closed)
                    break
                self._core.receive(event, now=self._now())
                self._published(event)
            if self.closed is not None:
                connection.log.closed(self.closed.code, by="the server", error_code=None, dialect=connection.dialect)
            await connection.close()
        except Exception as fault:  # of this library: without this the application would wait for ever
            self._broke(fault)

    async def _write(self, connection: LiveConnection) -> None:
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                for event in self._core.take_events():
                    try:
                        await connection.send(event)
                    except ConnectionClosed:
                        break  # the reader gets it too, and reports it to the core
                    except Exception as fault:
                        _logger.exception("cannot send a %s", printable_name(str(event.type)))
                        self._broke(fault)
                if not self._core.n_unsent:
                    self._emptied.set()
        except Exception as fault:
            self._broke(fault)

    async def _watch(self) -> None:
        try:
            while self._core.state not in LIVE_ENDS:
                await asyncio.sleep(max(0.0, min(POLL_S, self._core.next_tick_at - self._now())))
                if self._now() >= self._core.next_tick_at:
                    self._core.tick(self._now())
                    self._published(None)
                if self._core.n_unsent > MAX_QUEUED_EVENTS:
                    self._core.lost(f"the server takes nothing: {self._core.n_unsent} events wait", now=self._now())
                    self._published(None)
            if self._connection is not None:  # the reader may wait for a server that says nothing more
                await self._connection.close()
        except Exception as fault:
            self._broke(fault)

    def _published(self, event: LiveEvent | None) -> None:
        self._publish(event)
        self.wake()
        if self._core.state in LIVE_ENDS:
            self._emptied.set()

    def _lost(self, closed: ConnectionClosed) -> None:
        if self._core.state in LIVE_ENDS:
            return  # the session was over before, and this side has closed
        self.closed, self.close_code = closed, closed.code
        self._core.lost(str(closed), now=self._now())
        self._published(None)

    def _broke(self, fault: Exception) -> None:
        _logger.error("the Live session broke", exc_info=fault)
        self.close_code = _INTERNAL_ERROR
        self._core.lost(f"the session broke: {str(fault) or type(fault).__name__}", now=self._now())
        self._published(None)


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.ensure_future(work)  # noqa: TID251 - `stop` ends it
