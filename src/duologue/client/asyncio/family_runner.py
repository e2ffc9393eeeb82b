"""Keeps a session beside Realtime, on one connection, in motion: one task reads, one writes, one watches the clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from duologue.client.asyncio.family_connection import FamilyConnection
from duologue.client.limits import MAX_QUEUED_EVENTS, POLL_S
from duologue.errors import ConnectionClosed
from duologue.events.base import Variant
from duologue.printable import printable_name

__all__ = ["FamilyCore", "FamilyRunner"]

_logger = logging.getLogger(__name__)

# Close codes: RFC 6455, section 7.4.1.
_NORMAL: Final = 1000
_ABNORMAL_CLOSURE: Final = 1006
_INTERNAL_ERROR: Final = 1011

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
S = TypeVar("S", bound=Variant)
S_co = TypeVar("S_co", bound=Variant, covariant=True)


class FamilyCore(Protocol[R_contra, S_co]):
    """What a runner needs of the core of a session."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is sent or received."""
        ...

    @property
    def n_unsent(self) -> int:
        """Events that `take_events` would return."""
        ...

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next."""
        ...

    def take_events(self) -> Sequence[S_co]:
        """The events to be sent, in order."""
        ...

    def receive(self, event: R_contra, /, *, now: float) -> None:
        """Take an event of the server."""
        ...

    def tick(self, now: float, /) -> None:
        """Time has passed."""
        ...

    def lost(self, reason: str, /, *, now: float) -> None:
        """The connection is over."""
        ...


class FamilyRunner(Generic[R, S]):
    """The tasks of one session. `publish` is called with each event that was read, and with None when the core may have
    notices without one."""

    def __init__(
        self, core: FamilyCore[R, S], *, publish: Callable[[R | None], None], now: Callable[[], float]
    ) -> None:
        self.closed: ConnectionClosed | None = None
        """How the connection ended; None while it has not, and after an end that the server announced."""
        self.close_code: int = _ABNORMAL_CLOSURE
        """With which it ended."""
        self.has_failed: bool = False
        """Whether it ended by a fault: of the connection, of the library, or of a server that takes nothing."""
        self._core = core
        self._publish = publish
        self._now = now
        self._connection: FamilyConnection[R, S] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        """Those that run: one that has ended is kept by nothing, because its exception refers to this object."""
        self._wanted = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def start(self, connection: FamilyConnection[R, S]) -> None:
        """Begin; `stop` ends it."""
        self._connection = connection
        work = (self._read(connection), self._write(connection), self._watch(connection))
        # Not a TaskGroup: it would wrap what the application raises inside its block.
        self._tasks = {_start(each) for each in work}
        for task in self._tasks:
            task.add_done_callback(self._tasks.discard)

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
            connection.log.closed(_NORMAL, by="this side", error_code=None, dialect=connection.dialect)

    def forget(self) -> None:
        """Let go of `publish`, which refers back to this object. Behind `stop`."""
        self._publish = _nothing

    async def _read(self, connection: FamilyConnection[R, S]) -> None:
        try:
            while not self._core.is_over:
                try:
                    event = await connection.receive()
                except ConnectionClosed as closed:
                    self._lost(connection, closed)
                    break
                self._core.receive(event, now=self._now())
                self._published(event)
            await connection.close()
        except Exception as fault:  # of this library: without this the application would wait for ever
            self._broke(fault)

    async def _write(self, connection: FamilyConnection[R, S]) -> None:
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                for event in self._core.take_events():
                    try:
                        await connection.send(event)
                    except ConnectionClosed:
                        await connection.close()  # so that the reader gets it too, and reports it to the core
                        break
                    except Exception as fault:
                        _logger.exception("cannot send a %s", printable_name(type(event).__name__))
                        self._broke(fault)
                if not self._core.n_unsent:
                    self._emptied.set()
        except Exception as fault:
            self._broke(fault)

    async def _watch(self, connection: FamilyConnection[R, S]) -> None:
        try:
            while not self._core.is_over:
                await asyncio.sleep(max(0.0, min(POLL_S, self._core.next_tick_at - self._now())))
                if self._now() >= self._core.next_tick_at:
                    self._core.tick(self._now())
                    self._published(None)
                if self._core.n_unsent > MAX_QUEUED_EVENTS:
                    self.has_failed = True
                    self._core.lost(f"the server takes nothing: {self._core.n_unsent} events wait", now=self._now())
                    self._published(None)
            await connection.close()  # the reader may wait for a server that says nothing more
        except Exception as fault:
            self._broke(fault)

    def _published(self, event: R | None) -> None:
        self._publish(event)
        self.wake()
        if self._core.is_over:
            self._emptied.set()

    def _lost(self, connection: FamilyConnection[R, S], closed: ConnectionClosed) -> None:
        if self._core.is_over:
            return  # it was over before, and this side has closed
        # Without its frames, which refer to this object.
        self.closed, self.close_code, self.has_failed = closed.with_traceback(None), closed.code, True
        connection.log.closed(closed.code, by="the server", error_code=None, dialect=connection.dialect)
        self._core.lost(str(closed), now=self._now())
        self._published(None)

    def _broke(self, fault: Exception) -> None:
        _logger.error("the session broke", exc_info=fault)
        self.close_code, self.has_failed = _INTERNAL_ERROR, True
        self._core.lost(f"the session broke: {str(fault) or type(fault).__name__}", now=self._now())
        self._published(None)


def _nothing(_: object) -> None:
    """The session is over, and hears nothing more."""


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.ensure_future(work)  # noqa: TID251 - `stop` ends it
