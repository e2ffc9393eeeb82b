"""Holds one connection after another for a conversation: opens, reads, writes, reconnects, rotates, closes.

One task reads and one writes. Every connection is held open by a task of its own, so that it is opened and closed in
one place even where the next is opened before the last is closed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

from duologue.client.answers import TOO_MUCH, log_illegal, may_come_back
from duologue.client.asyncio.connection import Connection
from duologue.client.limits import FLUSH_S, LOOK_S
from duologue.client.rotation import Rotation
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError
from duologue.events import RealtimeEvent
from duologue.printable import printable_name
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.recovery.reconnect import Reconnection, ReconnectPolicy

__all__ = ["ConnectionSupervisor", "ManagedConnection", "OpenConnection"]

_logger = logging.getLogger(__name__)

OpenConnection = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens one connection; called again for each reconnect and each rotation."""

_CLOSE_S: Final = 6.0
"""A connection that has not closed by then is cancelled; its own limits add up to five seconds."""

_INTERNAL_ERROR: Final = 1011


class ManagedConnection:
    """One connection, held open by a task until it is released."""

    def __init__(self, open_connection: OpenConnection) -> None:
        self._opened: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()
        self._task = _start(self._hold(open_connection))

    async def _hold(self, open_connection: OpenConnection) -> None:
        try:
            async with open_connection() as connection:
                self._opened.set_result(connection)
                await self._released.wait()
        except Exception as fault:
            if self._opened.done():
                _logger.exception("a connection did not close as it should")
            else:
                self._opened.set_exception(fault)
        finally:
            self._opened.cancel()

    @property
    def is_decided(self) -> bool:
        """Whether it is open, or will never be: `opened` returns or raises at once."""
        return self._opened.done()

    @property
    def fault(self) -> BaseException | None:
        """Why it will never be open; None if it is."""
        return self._opened.exception() if self._opened.done() and not self._opened.cancelled() else None

    async def opened(self) -> Connection:
        """The connection, once it is open. Raises ConnectFailed, or whatever else opening it raised."""
        return await asyncio.shield(self._opened)

    async def close(self, *, at_once: bool = False) -> None:
        """Close the connection, after what waits to be sent unless `at_once`; or give up opening it.

        Bounded in time; cancelled, it does not wait for the end.
        """
        if at_once or not self._opened.done():
            self._task.cancel()
        self._released.set()
        try:
            await asyncio.wait([self._task], timeout=_CLOSE_S)
        finally:
            self._task.cancel()
        await asyncio.wait([self._task], timeout=_CLOSE_S)
        if self._opened.done() and not self._opened.cancelled():
            self._opened.exception()  # nobody else may have asked for it


class ConnectionSupervisor:
    """A conversation's way to its server.

    `tell` is called with each event that was read, and with None when the core may have notices otherwise; `ended` is
    called when there will be no other connection, with the reason.
    """

    def __init__(
        self,
        open_connection: OpenConnection,
        *,
        core: ConversationCore,
        policy: ReconnectPolicy | None,
        tell: Callable[[RealtimeEvent | None], None],
        ended: Callable[[ConnectionClosed], None],
    ) -> None:
        self.connection: Connection | None = None
        """The connection in use; None while there is none."""
        self._open = open_connection
        self._core = core
        self._tell = tell
        self._ended = ended
        self._reconnection = Reconnection(policy, random=random.random, report_illegal=log_illegal)
        self._held: set[ManagedConnection] = set()
        self._closings: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._tenure = Rotation(core, self._reconnection, open_next=self._hold, let_go=self._let_go)

    @property
    def is_dialect_settled(self) -> bool:
        """Whether it is known how the server speaks."""
        return self.connection is not None and self.connection.is_dialect_settled

    async def start(self) -> None:
        """Open the first connection, and go on from there until `close`.

        Raises:
            ConnectFailed: it did not come about.
        """
        first = self._hold()
        try:
            self.connection = await first.opened()
        except BaseException:
            await first.close()
            raise
        self._running = _start(self._run(first))

    def wake(self) -> None:
        """The core may have events to send."""
        if self.connection is not None:
            self._emptied.clear()
            self._wanted.set()

    async def room(self) -> None:
        """Wait until all that was to be sent is on its way, or lost. Cancelling takes nothing back."""
        await self._emptied.wait()

    async def close(self, *, at_once: bool = False) -> None:
        """Send what is waiting, unless `at_once`, close every connection, leave no task. Bounded in time."""
        try:
            # A server that reads nothing gets the close without the rest.
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if at_once else FLUSH_S):
                    await self._emptied.wait()
        finally:
            tasks = [self._running] if self._running is not None else []
            for task in tasks:
                task.cancel()
            self._let_go_all(at_once=at_once)
            await asyncio.gather(*tasks, *self._closings, return_exceptions=True)

    # --- one connection after another

    async def _run(self, held: ManagedConnection) -> None:
        following: ManagedConnection | None = held
        try:
            while following is not None:
                held = following
                following = await self._follow(held)
                self._let_go(held)
        except Exception as fault:
            _logger.exception("the conversation broke")
            self._lost(f"the conversation broke: {fault}")
            self._ended(ConnectionClosedError(_INTERNAL_ERROR, f"the conversation broke: {fault}"))
        # One that broke in the middle, or one that was opened ahead of time and is not wanted any more.
        self._let_go_all()

    async def _follow(self, held: ManagedConnection) -> ManagedConnection | None:
        """Read and write over a connection until another one takes its place; returns that. None: it is over."""
        connection = self.connection = await held.opened()
        self._tenure.begin(now=time.monotonic(), unix_now_s=time.time())
        self._wanted.clear()
        self.wake()
        writing = _start(self._write(connection))
        try:
            outcome = await self._read(connection)
        finally:
            self.connection = None
            self._emptied.set()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        if isinstance(outcome, ManagedConnection):
            self._lost("the session is near its end; going on with another one")
            return outcome
        self._let_go(held)
        return await self._reconnect(outcome)

    async def _read(self, connection: Connection) -> ConnectionClosed | ManagedConnection:
        """Hear the server, to the connection's end or to the moment for the next one, which is open by then."""
        while True:
            now = time.monotonic()
            try:
                event = await connection.receive(timeout=max(0.0, min(LOOK_S, self._core.next_tick_at - now)))
            except TimeoutError:
                event = None
            except ConnectionClosed as closed:
                return closed
            now = time.monotonic()
            if event is not None:
                self._core.receive(event, now=now)
            if now >= self._core.next_tick_at:
                self._core.tick(now)
            self._tell(event)
            self.wake()
            if (excess := self._core.excess) is not None:
                return ConnectionClosedError(TOO_MUCH, excess)
            if (outcome := self._tenure.look(now=now, unix_now_s=time.time())) is not None:
                return outcome

    async def _write(self, connection: Connection) -> None:
        """Send what the core wants sent, in its order. Only here, so that neither reading nor a caller is held up."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            for event in self._core.take_events():
                try:
                    await connection.send(event)
                except ConnectionClosed:
                    break  # the reader learns it too, and has the core told
                except Exception:
                    _logger.exception("cannot send a %s", printable_name(str(event.type)))
            if not self._wanted.is_set():
                self._emptied.set()

    async def _reconnect(self, closed: ConnectionClosed) -> ManagedConnection | None:
        """Another connection, after however many attempts the policy has for it; None if it gives up."""
        self._lost(str(closed))
        reconnection = self._reconnection
        reconnection.lost(now=time.monotonic(), code=closed.code, retryable=may_come_back(closed))
        while reconnection.next_tick_at != float("inf"):
            await asyncio.sleep(max(0.0, reconnection.next_tick_at - time.monotonic()))
            if not reconnection.tick(time.monotonic()):
                continue
            following = self._tenure.take_next() or self._hold()
            try:
                await following.opened()
            except ConnectFailed as fault:
                _logger.info("attempt %d to connect again: %s", reconnection.attempts, fault)
                self._let_go(following)
                reconnection.failed(now=time.monotonic(), retryable=fault.retryable)
            else:
                reconnection.opened()
                return following
        self._ended(closed)
        return None

    def _lost(self, reason: str) -> None:
        self._core.lost(reason, now=time.monotonic())
        self._tell(None)

    def _hold(self) -> ManagedConnection:
        held = ManagedConnection(self._open)
        self._held.add(held)
        return held

    def _let_go(self, held: ManagedConnection, *, at_once: bool = False) -> None:
        """Close a connection without waiting for it: a server that is slow to agree holds up nothing."""
        if held in self._held:
            self._held.discard(held)
            closing = _start(held.close(at_once=at_once))
            self._closings.add(closing)
            closing.add_done_callback(self._closings.discard)

    def _let_go_all(self, *, at_once: bool = False) -> None:
        for held in [*self._held]:
            self._let_go(held, at_once=at_once)


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    # Not a TaskGroup: it would cancel whoever holds the conversation, and wrap what he raises.
    return asyncio.ensure_future(work)  # noqa: TID251 - every one is kept by its caller, and ended by `close`
