"""When a connection is replaced: because its server never greeted, or because its session ends soon."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import Final

from duologue.client.asyncio.managed_connection import ManagedConnection
from duologue.errors import ConnectionClosedError
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.recovery.reconnect import Reconnection
from duologue.protocol.liveness import rotation_due
from duologue.protocol.states import ReconnectState

__all__ = ["GREETING_S", "ROTATION_RETRY_S", "STEADY_S", "Rotation"]

_logger = logging.getLogger(__name__)

GREETING_S: Final = 10.0
"""A new connection on which no `session.created` comes within this time is given up."""

STEADY_S: Final = 1.0
"""A session counts as restored only after this time: a server that greets and hangs up at once is not called again
without a pause."""

ROTATION_RETRY_S: Final = 5.0
"""Between attempts to open the next connection ahead of a session's end."""

_ABNORMAL_CLOSURE: Final = 1006  # RFC 6455, section 7.4.1: no close frame came


class Rotation:
    """The connection in use, from `begin` to the next `begin`.

    `open_next` begins to open another one and returns at once; `release` gets one that could not be opened.
    """

    def __init__(
        self,
        core: ConversationCore,
        reconnection: Reconnection,
        *,
        open_next: Callable[[], ManagedConnection],
        release: Callable[[ManagedConnection], None],
    ) -> None:
        self._core = core
        self._reconnection = reconnection
        self._open_next = open_next
        self._release = release
        self._began_at = self._began_at_unix_s = 0.0
        self._next: ManagedConnection | None = None
        self._next_attempt_at = -inf

    def begin(self, *, now: float, unix_now_s: float) -> None:
        """Another connection is in use from now on."""
        self._began_at, self._began_at_unix_s = now, unix_now_s

    def check(self, *, now: float, unix_now_s: float) -> ConnectionClosedError | ManagedConnection | None:
        """What replaces this connection: an error if its server did not greet in time, or the next connection, which is
        open, at a moment to change to it. None: this one stays in use."""
        if not self._core.is_open:
            if now >= self._began_at + GREETING_S:
                return ConnectionClosedError(_ABNORMAL_CLOSURE, f"the server did not greet within {GREETING_S:g} s")
            return None
        steady = not self._core.session_replay.restoring and now >= self._began_at + STEADY_S
        if steady and self._reconnection.state is ReconnectState.RESTORING:
            self._reconnection.restored()
        return self._prepare_next(now, unix_now_s)

    def take_next(self) -> ManagedConnection | None:
        """The connection that was opened ahead of time, decided or not; the caller closes it from now on."""
        following, self._next = self._next, None
        return following

    def forget(self) -> None:
        """Let go of the functions, which refer back: no connection is replaced any more."""
        self._open_next, self._release = _none, _nothing

    def _prepare_next(self, now: float, unix_now_s: float) -> ManagedConnection | None:
        if not self._wants_next(unix_now_s):
            return None
        if self._next is None and now >= self._next_attempt_at:
            self._next_attempt_at = now + ROTATION_RETRY_S
            self._next = self._open_next()
        if self._next is None or not self._next.is_decided:
            return None
        if (fault := self._next.fault) is not None:
            _logger.warning("cannot open the next connection yet: %s", fault)
            self._release(self._next)
            self._next = None
            return None
        return self.take_next() if self._core.rotation_due(unix_now_s=unix_now_s) else None

    def _wants_next(self, unix_now_s: float) -> bool:
        """Whether the session's end is near enough to open another connection."""
        ends_at = self._core.session_status.expires_at
        if ends_at is None:
            return False
        # A session that is shorter than the lead would be replaced at once: use half its time at least.
        early = unix_now_s - self._began_at_unix_s < (ends_at - self._began_at_unix_s) / 2
        return not early and rotation_due(unix_now_s, ends_at, between_turns=True, limits=self._core.options.rotation)


def _none() -> ManagedConnection:
    raise RuntimeError("the conversation is over")


def _nothing(_: ManagedConnection) -> None:
    """Nothing is left to be closed."""
