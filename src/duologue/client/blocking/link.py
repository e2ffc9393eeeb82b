"""Holds one connection after another for a conversation: one thread reads, reconnects, rotates."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.running_tools import ThreadedTools
from duologue.client.conduct import GREETING_S, LOOK_S, ROTATION_RETRY_S, STEADY_S, may_come_back, next_is_wanted
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError
from duologue.events import RealtimeEvent
from duologue.protocol.core import ConversationCore
from duologue.protocol.reconnecting import Reconnection, ReconnectPolicy
from duologue.protocol.tables import ReconnectState

__all__ = ["BlockingLink", "OpenBlockingConnection"]

_logger = logging.getLogger(__name__)

OpenBlockingConnection: TypeAlias = Callable[[], AbstractContextManager[BlockingConnection]]
"""Opens one connection; called again for each reconnect and each rotation, on whatever thread needs it."""

_SHORTEST_WAIT_S: Final = 0.01
"""For an event, when something else is due: what is due at once is found at the next event or here."""

_ABNORMAL_CLOSURE: Final = 1006
_INTERNAL_ERROR: Final = 1011


class _Held:
    """A connection and what closes it."""

    def __init__(self, open_connection: OpenBlockingConnection) -> None:
        self._context = open_connection()
        self.connection = self._context.__enter__()

    def close(self) -> None:
        self._context.__exit__(None, None, None)


class _Opening:
    """The next connection, opened aside while the present one is read."""

    def __init__(self, open_connection: OpenBlockingConnection) -> None:
        self.held: _Held | None = None
        self.fault: Exception | None = None
        self._open = open_connection
        self.thread = threading.Thread(target=self._run, name="duologue-opening", daemon=True)
        self.thread.start()

    @property
    def is_decided(self) -> bool:
        return not self.thread.is_alive()

    def _run(self) -> None:
        try:
            self.held = _Held(self._open)
        except Exception as fault:
            self.fault = fault


class BlockingLink:
    """A conversation's way to its server.

    `lock` is the one around the core. `pass_on` is called, without it, with each event that was read, and with None
    when the core may have something to send or to tell otherwise; `ended` once, when no other connection will come.
    """

    def __init__(
        self,
        open_connection: OpenBlockingConnection,
        *,
        core: ConversationCore,
        lock: threading.RLock,
        tools: ThreadedTools,
        policy: ReconnectPolicy | None,
        pass_on: Callable[[RealtimeEvent | None], None],
        ended: Callable[[ConnectionClosed], None],
    ) -> None:
        self.connection: BlockingConnection | None = None
        """The connection in use; None while there is none."""
        self._open = open_connection
        self._core = core
        self._lock = lock
        self._tools = tools
        self._pass_on = pass_on
        self._ended = ended
        self._reconnection = Reconnection(policy, random=random.random)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._aside: list[threading.Thread] = []
        self._next: _Opening | None = None
        self._next_rotation_at = 0.0
        self._opened_at = self._opened_at_unix_s = 0.0

    def start(self) -> None:
        """Open the first connection, and go on from there in a thread until `close`.

        Raises:
            ConnectFailed: it did not come about.
        """
        first = _Held(self._open)
        self.connection = first.connection
        self._thread = threading.Thread(target=self._run, args=(first,), name="duologue-reader", daemon=True)
        self._thread.start()

    def close(self, *, at_once: bool) -> None:
        """Close the connection, after what waits to be sent unless `at_once`, and wait until no thread is left.

        Takes some six seconds at most; while a connection is being opened, up to its time limit more.
        """
        with self._lock:
            self._closing.set()
            connection = self.connection
        if connection is not None:
            if at_once:
                connection.stop()
            else:
                connection.close()
        for thread in (self._thread, *self._aside):
            if thread is not None and thread is not threading.current_thread():
                thread.join()

    # --- one connection after another

    def _run(self, held: _Held) -> None:
        following: _Held | None = held
        try:
            while following is not None:
                held, following = following, None
                following = self._follow(held)
        except Exception as fault:
            _logger.exception("the conversation broke")
            try:
                self._lost(f"the conversation broke: {fault}")
            finally:
                self._ended(ConnectionClosedError(_INTERNAL_ERROR, f"the conversation broke: {fault}"))
        finally:
            self._give_up_next()

    def _follow(self, held: _Held) -> _Held | None:
        """Read a connection until another one takes its place; returns that. None: the conversation is over."""
        with self._lock:
            self.connection = None if self._closing.is_set() else held.connection
        self._opened_at, self._opened_at_unix_s = time.monotonic(), time.time()
        try:
            outcome = self._read(held.connection) if self.connection is not None else None
        except BaseException:
            held.close()
            raise
        finally:
            with self._lock:
                self.connection = None
        if isinstance(outcome, _Held):
            self._lost("the session is near its end; going on with another one")
            self._close_aside(held)
            return outcome
        held.close()
        return self._reconnect(outcome) if outcome is not None and not self._closing.is_set() else None

    def _read(self, connection: BlockingConnection) -> ConnectionClosed | _Held:
        """Hear the server, to the connection's end or to the moment for the next one, which is open by then."""
        while True:
            event: RealtimeEvent | None = None
            try:
                event = connection.receive(timeout_s=self._wait_s())
            except TimeoutError:
                pass
            except ConnectionClosed as closed:
                return closed
            now = time.monotonic()
            with self._lock:
                if event is not None:
                    self._core.receive(event, now=now)
                if now >= self._core.next_tick_at:
                    self._core.tick(now)
            self._tools.tick(now)
            self._pass_on(event)
            with self._lock:
                if not self._core.is_open and now >= self._opened_at + GREETING_S:
                    return ConnectionClosedError(_ABNORMAL_CLOSURE, f"the server did not greet within {GREETING_S:g} s")
                self._look_at_restoring(now)
                following = self._rotation(now)
            if following is not None:
                return following

    def _wait_s(self) -> float:
        with self._lock:
            due_at = min(self._core.next_tick_at, self._tools.next_tick_at)
        return max(_SHORTEST_WAIT_S, min(LOOK_S, due_at - time.monotonic()))

    def _reconnect(self, closed: ConnectionClosed) -> _Held | None:
        """Another connection, after however many attempts the policy has for it; None if it gives up."""
        self._lost(str(closed))
        reconnection = self._reconnection
        reconnection.lost(now=time.monotonic(), code=closed.code, retryable=may_come_back(closed))
        while reconnection.next_tick_at != math.inf:
            if self._closing.wait(max(0.0, min(LOOK_S, reconnection.next_tick_at - time.monotonic()))):
                return None
            self._tools.tick(time.monotonic())
            self._pass_on(None)
            if not reconnection.tick(time.monotonic()):
                continue
            try:
                held = self._opened_next() or _Held(self._open)
            except ConnectFailed as fault:
                _logger.info("attempt %d to connect again: %s", reconnection.attempts, fault)
                reconnection.failed(now=time.monotonic(), retryable=fault.retryable)
            else:
                reconnection.opened()
                return held
        self._ended(closed)
        return None

    def _lost(self, reason: str) -> None:
        with self._lock:
            self._core.lost(reason, now=time.monotonic())
        self._pass_on(None)

    def _look_at_restoring(self, now: float) -> None:
        steady = self._core.is_open and not self._core.memory.restoring and now >= self._opened_at + STEADY_S
        if steady and self._reconnection.state is ReconnectState.RESTORING:
            self._reconnection.restored()

    # --- the next connection

    def _rotation(self, now: float) -> _Held | None:
        """The next connection, once it is open and the moment has come to change to it."""
        unix_now_s = time.time()
        if not next_is_wanted(self._core, opened_at_unix_s=self._opened_at_unix_s, unix_now_s=unix_now_s):
            return None
        if self._next is None and now >= self._next_rotation_at:
            self._next_rotation_at = now + ROTATION_RETRY_S
            self._next = _Opening(self._open)
        if self._next is None or not self._next.is_decided:
            return None
        if self._next.fault is not None:
            _logger.warning("cannot open the next connection yet: %s", self._next.fault)
            self._next = None
            return None
        return self._opened_next() if self._core.rotation_due(unix_now_s=unix_now_s) else None

    def _opened_next(self) -> _Held | None:
        """What was opened ahead, now for use; waits for its end."""
        opening, self._next = self._next, None
        if opening is None:
            return None
        opening.thread.join()
        return opening.held

    def _give_up_next(self) -> None:
        held = self._opened_next()
        if held is not None:
            held.close()

    def _close_aside(self, held: _Held) -> None:
        """Close a connection without waiting for it: a server that is slow to agree holds up nothing."""
        thread = threading.Thread(target=held.close, name="duologue-closing", daemon=True)
        self._aside = [one for one in self._aside if one.is_alive()] + [thread]
        thread.start()
