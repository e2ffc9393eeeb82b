"""Holds one connection after another for a conversation: one thread reads, reconnects, rotates."""

from __future__ import annotations

import logging
import math
import queue
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final, TypeAlias

from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.running_tools import ThreadedTools
from duologue.client.conduct import LOOK_S, TOO_MUCH, log_illegal, may_come_back
from duologue.client.tenure import Tenure
from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError
from duologue.events import RealtimeEvent
from duologue.protocol.core import ConversationCore
from duologue.protocol.reconnecting import Reconnection, ReconnectPolicy

__all__ = ["BlockingLink", "OpenBlockingConnection"]

_logger = logging.getLogger(__name__)

OpenBlockingConnection: TypeAlias = Callable[[], AbstractContextManager[BlockingConnection]]
"""Opens one connection; called again for each reconnect and each rotation, on whatever thread needs it."""

_SHORTEST_WAIT_S: Final = 0.01
"""For an event, when something else is due: what is due at once is found at the next event or here."""

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
        self.fault: Exception | None = None
        self._open = open_connection
        self._held: _Held | None = None
        self._thread = threading.Thread(target=self._run, name="duologue-opening", daemon=True)
        self._thread.start()

    @property
    def is_decided(self) -> bool:
        return not self._thread.is_alive()

    def wait(self) -> _Held | None:
        """The connection, once it is decided; None if there is none."""
        self._thread.join()
        return self._held

    def close(self) -> None:
        if (held := self.wait()) is not None:
            held.close()

    def _run(self) -> None:
        try:
            self._held = _Held(self._open)
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
        self._reconnection = Reconnection(policy, random=random.random, report_illegal=log_illegal)
        self._is_closing = False
        self._hurry: queue.SimpleQueue[None] = queue.SimpleQueue()
        """Has one in it when a pause before the next attempt is to end; a `threading.Event` is not safe from Ctrl-C."""
        self._thread: threading.Thread | None = None
        self._aside: list[threading.Thread] = []
        self._tenure = Tenure(
            core, self._reconnection, open_next=lambda: _Opening(open_connection), let_go=_Opening.close
        )

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
            self._is_closing = True
            self._hurry.put(None)
            connection = self.connection
        if connection is not None:
            if at_once:
                connection.stop()
            else:
                connection.close()
        for thread in (self._thread, *self._aside):
            # One that an interrupt kept from being started cannot be waited for.
            if thread is not None and thread.is_alive() and thread is not threading.current_thread():
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
            if (unused := self._tenure.take_next()) is not None:
                unused.close()

    def _follow(self, held: _Held) -> _Held | None:
        """Read a connection until another one takes its place; returns that. None: the conversation is over."""
        with self._lock:
            self.connection = None if self._is_closing else held.connection
        self._tenure.begin(now=time.monotonic(), unix_now_s=time.time())
        try:
            outcome = self._read(held.connection) if self.connection is not None else None
        except BaseException:
            held.close()
            raise
        finally:
            with self._lock:
                self.connection = None
        if isinstance(outcome, _Opening):
            self._lost("the session is near its end; going on with another one")
            self._close_aside(held)
            return outcome.wait()
        held.close()
        return self._reconnect(outcome) if outcome is not None and not self._is_closing else None

    def _read(self, connection: BlockingConnection) -> ConnectionClosed | _Opening:
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
                excess = self._core.excess
            self._tools.tick(now)
            self._pass_on(event)
            if excess is not None:
                return ConnectionClosedError(TOO_MUCH, excess)
            with self._lock:
                outcome = self._tenure.look(now=now, unix_now_s=time.time())
            if outcome is not None:
                return outcome

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
            if self._closes_within(max(0.0, min(LOOK_S, reconnection.next_tick_at - time.monotonic()))):
                return None
            self._tools.tick(time.monotonic())
            self._pass_on(None)
            if not reconnection.tick(time.monotonic()):
                continue
            try:
                ahead = self._tenure.take_next()
                held = (ahead.wait() if ahead is not None else None) or _Held(self._open)
            except ConnectFailed as fault:
                _logger.info("attempt %d to connect again: %s", reconnection.attempts, fault)
                reconnection.failed(now=time.monotonic(), retryable=fault.retryable)
            else:
                reconnection.opened()
                return held
        self._ended(closed)
        return None

    def _closes_within(self, pause_s: float) -> bool:
        with suppress(queue.Empty):
            self._hurry.get(timeout=pause_s)
        return self._is_closing

    def _lost(self, reason: str) -> None:
        with self._lock:
            self._core.lost(reason, now=time.monotonic())
        self._pass_on(None)

    def _close_aside(self, held: _Held) -> None:
        """Close a connection without waiting for it: a server that is slow to agree holds up nothing."""
        thread = threading.Thread(target=held.close, name="duologue-closing", daemon=True)
        self._aside = [one for one in self._aside if one.is_alive()] + [thread]
        thread.start()
