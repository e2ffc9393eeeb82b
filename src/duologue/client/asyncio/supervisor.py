"""Keeps a conversation connected: opens, reads, writes, reconnects, rotates, closes. One task reads and one writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from duologue.chance import random_number
from duologue.client.asyncio.connection import Connection
from duologue.client.asyncio.managed_connection import ManagedConnection, OpenConnection
from duologue.client.asyncio.rotation import Rotation
from duologue.client.limits import FLUSH_S, POLL_S
from duologue.client.logs.connection_log import log_ended, log_lost, log_rotated
from duologue.client.refusals import close_refusal
from duologue.clock import loop_time, unix_time
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, LocalProtocolError
from duologue.events import (
    AnySession,
    ErrorEvent,
    RealtimeError,
    RealtimeEvent,
    ResponseCreateEvent,
    SessionUpdatedEvent,
)
from duologue.printable import printable_name
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.error_kinds import ErrorKind, classify
from duologue.protocol.client.recovery.reconnect import Reconnection, ReconnectPolicy
from duologue.protocol.states import IllegalTransition

__all__ = ["ConnectionSupervisor", "log_illegal_transition"]

_logger = logging.getLogger(__name__)

# Close codes: RFC 6455, section 7.4.1.
_MESSAGE_TOO_BIG: Final = 1009
_INTERNAL_ERROR: Final = 1011


class ConnectionSupervisor:
    """Keeps one connection to a conversation's server in use.

    `publish` is called with each event that was read, and with None when the core may have notices without an event;
    `ended` is called with the reason when no other connection will be opened.
    """

    def __init__(
        self,
        open_connection: OpenConnection,
        *,
        core: ConversationCore,
        policy: ReconnectPolicy | None,
        publish: Callable[[RealtimeEvent | None], None],
        ended: Callable[[ConnectionClosed], None],
    ) -> None:
        self.connection: Connection | None = None
        """The connection in use; None while there is none."""
        self.place: str = "a server"
        """The URL of the last connection, without secrets."""
        self._open_connection = open_connection
        self._core = core
        self._publish = publish
        self._ended = ended
        self._reconnection = Reconnection(policy, random=random_number, report_illegal=log_illegal_transition)
        self._managed: set[ManagedConnection] = set()
        """Connections that are being opened or are open."""
        self._closings: set[asyncio.Task[None]] = set()
        self._running: set[asyncio.Task[None]] = set()
        """The task that holds the conversation, while it runs: afterwards its exception refers to this object."""
        self._is_opened = self._is_closing = False
        self._fault: Exception | None = None
        """A fault of this library, or of what it calls, that was found outside of the reader."""
        self._wanted = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._dialect = DEFAULT_DIALECT
        """The dialect whose formats and order of commands are checked."""
        self._rotation = Rotation(core, self._reconnection, open_next=self._begin_open, release=self._release)

    @property
    def is_dialect_settled(self) -> bool:
        """Whether the server's dialect is known."""
        return self.connection is not None and self.connection.is_dialect_settled

    @property
    def session(self) -> AnySession | None:
        """The session as the server last reported it; None without a connection."""
        return self.connection.session if self.connection is not None else None

    @property
    def session_id(self) -> str | None:
        """The id of the session; None without one."""
        return self.connection.session_id if self.connection is not None else None

    @property
    def call_id(self) -> str | None:
        """The server's id of the call; None where there is none."""
        return self.connection.call_id if self.connection is not None else None

    @property
    def acknowledges_updates(self) -> bool:
        """Whether a server of this dialect answers a `session.update` that it takes."""
        if self.connection is None:
            return True  # the one before did, or would have said so
        return SessionUpdatedEvent.type not in PROFILES[self.connection.dialect].lacks_events

    def check_can_respond(self) -> None:
        """Check that the server's dialect has `response.create`.

        Raises:
            LocalProtocolError: it has none: there the end of an utterance asks for the answer, or nothing does.
        """
        dialect = self.connection.dialect if self.connection is not None else self._dialect
        if ResponseCreateEvent.type in PROFILES[dialect].lacks_events:
            raise LocalProtocolError(
                f"cannot send response.create: servers of the dialect {dialect!r} have no such command and answer when "
                "an utterance ends; send audio, then commit() or finish()"
            )

    def check_can_speak(self) -> None:
        """Check that the server takes audio now.

        Raises:
            LocalProtocolError: it wants to know the model first.
        """
        if self.connection is not None and self.connection.lacks_model:
            raise LocalProtocolError(
                f"cannot send audio: servers of the dialect {self.connection.dialect!r} want to know the model first; "
                "open the conversation with model=…"
            )

    async def start(self) -> None:
        """Open the first connection, and keep the conversation connected until `close`.

        Until `session_opened` is called, a close that says more than that the network broke ends the conversation.

        Raises:
            ConnectFailed: the first connection could not be opened.
        """
        first = self._begin_open()
        try:
            self.connection = await first.opened()
            self._follow_dialect(self.connection)
        except BaseException:
            await first.close()
            raise
        self.place = self.connection._log.place
        running = _start(self._run(first))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def session_opened(self) -> None:
        """The first session is open: from now on a lost connection is replaced by another one."""
        self._is_opened = True

    def give_up(self, fault: Exception) -> None:
        """A fault makes it impossible to go on: the conversation ends, and with it everything that waits for it."""
        if self._fault is None:
            self._fault = fault
            if self._running:
                for task in self._running:
                    task.cancel()
            else:
                self._broke(fault)

    @property
    def takes_audio(self) -> bool:
        """Whether audio can be sent without waiting. Safe on any thread."""
        connection = self.connection
        return connection is not None and connection.free_slots > 0 and not connection.lacks_model

    def append_now(self, audio: bytes) -> bool:
        """Send an append past the writer, if all that was to be sent before is on its way. False: nothing was sent."""
        return self.connection is not None and self._emptied.is_set() and self.connection.append_now(audio)

    def wake(self) -> None:
        """Have the writer send the events that the core wants sent."""
        if self.connection is not None and self._core.has_events:
            self._emptied.clear()
            self._wanted.set()

    async def drain(self) -> None:
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
            self._is_closing = True
            for task in self._running:
                task.cancel()
            self._release_all(at_once=at_once)
            await asyncio.gather(*self._running, *self._closings, return_exceptions=True)

    def forget(self) -> None:
        """Let go of what refers back to this object and to its conversation. Behind the last `close`."""
        self._publish = self._ended = _nothing
        self._rotation.forget()

    # --- one connection after another

    async def _run(self, first: ManagedConnection) -> None:
        following: ManagedConnection | None = first
        try:
            while following is not None:
                current = following
                following = await self._use(current)
                self._release(current)
        except BaseException as fault:
            is_cancelled = not isinstance(fault, Exception) and self._fault is None
            if not self._is_closing:  # else it is cancelled because the conversation ends
                self._broke(self._fault or fault)
            if is_cancelled:
                raise
        finally:
            # The connection in use when it broke, or one that was opened ahead of time and is not needed any more.
            self._release_all()

    def _broke(self, fault: BaseException) -> None:
        reason = f"the conversation broke: {str(fault) or type(fault).__name__}"
        _logger.error("the conversation broke", exc_info=fault)
        try:
            self._lost(reason)
        except Exception:
            _logger.exception("the conversation cannot be ended as usual")
        finally:
            self._emptied.set()
            self._ended(ConnectionClosedError(_INTERNAL_ERROR, reason))

    async def _use(self, current: ManagedConnection) -> ManagedConnection | None:
        """Read and write over a connection until another one replaces it; returns that. None: there is none."""
        connection = self.connection = await current.opened()
        self.place = connection._log.place
        self._rotation.begin(now=loop_time(), unix_now_s=unix_time())
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
            log_rotated(self.place)
            self._lost("the session is near its end; going on with another one")
            return outcome
        self._release(current)
        if not self._is_opened and not close_refusal(outcome, greeted=False).retryable:
            self._lost(str(outcome))
            self._ended(outcome)
            return None
        return await self._reconnect(outcome)

    async def _read(self, connection: Connection) -> ConnectionClosed | ManagedConnection:
        """Read to the connection's end, or to the moment for the next connection, which is open by then."""
        while True:
            now = loop_time()
            try:
                event = await connection.receive(timeout=max(0.0, min(POLL_S, self._core.next_tick_at - now)))
            except TimeoutError:
                event = None
            except ConnectionClosed as closed:
                return closed
            now = loop_time()
            if event is not None:
                self._follow_dialect(connection)
                self._core.receive(event, now=now)
            if now >= self._core.next_tick_at:
                self._core.tick(now)
            self._publish(event)
            self.wake()
            if (excess := self._core.excess) is not None:
                return ConnectionClosedError(_MESSAGE_TOO_BIG, excess)
            if (outcome := self._rotation.check(now=now, unix_now_s=unix_time())) is not None:
                return outcome

    def _follow_dialect(self, connection: Connection) -> None:
        """Have what is sent checked by the rules of the connection's dialect."""
        if connection.dialect != self._dialect:
            self._dialect = connection.dialect
            self._core.checks.use(PROFILES[self._dialect])

    async def _write(self, connection: Connection) -> None:
        """Send what the core wants sent, in its order. A slow server blocks only this task."""
        try:
            await self._write_on(connection)
        except Exception as fault:  # else nothing would be sent any more, and only waited
            self.give_up(fault)

    async def _write_on(self, connection: Connection) -> None:
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
                    self._not_sent(event, fault)
            if not self._wanted.is_set():
                self._emptied.set()

    def _not_sent(self, event: RealtimeEvent, fault: Exception) -> None:
        """An event that cannot be written gets the answer that the server would give, so that its caller has one."""
        told = f"this {event.type} cannot be sent: {fault}"
        named = event.event_id
        error = RealtimeError(type="invalid_request_error", code="invalid_event", message=told, event_id=named)
        self._core.receive(ErrorEvent(event_id=f"unsent_{named}", error=error), now=loop_time())
        self._publish(None)
        self.wake()

    async def _reconnect(self, closed: ConnectionClosed) -> ManagedConnection | None:
        """Another connection, after as many attempts as the policy allows; None if it gives up."""
        log_lost(self.place, closed)
        self._lost(str(closed))
        reconnection = self._reconnection
        reconnection.lost(now=loop_time(), code=closed.code, retryable=_can_reconnect(closed))
        while reconnection.next_tick_at != float("inf"):
            await asyncio.sleep(max(0.0, reconnection.next_tick_at - loop_time()))
            if not reconnection.tick(loop_time()):
                continue
            following = self._rotation.take_next() or self._begin_open()
            try:
                await following.opened()
            except ConnectFailed as fault:
                _logger.info("attempt %d to connect again: %s", reconnection.attempts, fault)
                self._release(following)
                reconnection.failed(now=loop_time(), retryable=fault.retryable, retry_after_s=fault.retry_after)
            else:
                reconnection.opened()
                return following
        log_ended(self.place, closed, attempts=reconnection.attempts)
        self._ended(closed)
        return None

    def _lost(self, reason: str) -> None:
        self._core.lost(reason, now=loop_time())
        self._publish(None)

    def _begin_open(self) -> ManagedConnection:
        managed = ManagedConnection(self._open_connection)
        self._managed.add(managed)
        return managed

    def _release(self, managed: ManagedConnection, *, at_once: bool = False) -> None:
        """Close a connection without waiting for it, because a server may be slow to agree."""
        if managed in self._managed:
            self._managed.discard(managed)
            closing = _start(managed.close(at_once=at_once))
            self._closings.add(closing)
            closing.add_done_callback(self._closings.discard)

    def _release_all(self, *, at_once: bool = False) -> None:
        for managed in [*self._managed]:
            self._release(managed, at_once=at_once)


def log_illegal_transition(illegal: IllegalTransition) -> None:
    """Log a fault of this library, which no exception reports."""
    _logger.error("%s; please report this", illegal)


def _can_reconnect(closed: ConnectionClosed) -> bool:
    """Whether another connection can succeed. A conversation can go on in a new session after one that expired."""
    if closed.code == _MESSAGE_TOO_BIG:
        return False  # the same message would be sent again
    if closed.error is None:
        return True
    # Rule error.session_expired: the session has reached its longest duration.
    return closed.error.error.code == "session_expired" or classify(closed.error) is not ErrorKind.SESSION_ENDING


def _nothing(_: object) -> None:
    """The conversation is over, and hears nothing more."""


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    # Not a TaskGroup: it would cancel the task that holds the conversation, and wrap what that raises.
    return asyncio.ensure_future(work)  # noqa: TID251 - each is kept by its caller, and `close` ends it
