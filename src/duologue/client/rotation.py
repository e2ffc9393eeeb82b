"""One connection's time in use: whether a session came of it, and which connection comes after it.

What the reader of a connection has to look at beside the events themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import Final, Generic, Protocol, TypeVar

from duologue.errors import ConnectionClosedError
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.recovery.reconnect import Reconnection
from duologue.protocol.liveness import rotation_due
from duologue.protocol.states import ReconnectState

__all__ = ["GREETING_S", "ROTATION_RETRY_S", "STEADY_S", "PendingConnection", "Rotation"]

_logger = logging.getLogger(__name__)

GREETING_S: Final = 10.0
"""A new connection without `session.created` for so long is no session."""

STEADY_S: Final = 1.0
"""A server that greets and hangs up at once has not restored anything, and is not asked again without a pause."""

ROTATION_RETRY_S: Final = 5.0
"""Between attempts to open the next connection ahead of a session's end."""

_ABNORMAL_CLOSURE: Final = 1006


class PendingConnection(Protocol):
    """A connection that is being opened beside the one in use."""

    @property
    def is_decided(self) -> bool:
        """Whether it is open, or never will be."""
        ...

    @property
    def fault(self) -> BaseException | None:
        """Why it never will be; None if it is."""
        ...


O = TypeVar("O", bound=PendingConnection)  # noqa: E741 - there is one, and it is an opening


class Rotation(Generic[O]):
    """The connection in use, from `begin` to the next `begin`.

    `open_next` begins to open another one and returns at once; `let_go` gets one that did not come about.
    """

    def __init__(
        self,
        core: ConversationCore,
        reconnection: Reconnection,
        *,
        open_next: Callable[[], O],
        let_go: Callable[[O], None],
    ) -> None:
        self._core = core
        self._reconnection = reconnection
        self._open_next = open_next
        self._let_go = let_go
        self._began_at = self._began_at_unix_s = 0.0
        self._next: O | None = None
        self._next_attempt_at = -inf

    def begin(self, *, now: float, unix_now_s: float) -> None:
        """Another connection is in use from now on."""
        self._began_at, self._began_at_unix_s = now, unix_now_s

    def look(self, *, now: float, unix_now_s: float) -> ConnectionClosedError | O | None:
        """What ends the time of this connection: that no session came of it, or the next one, open, at a moment to
        change to it. None: it goes on."""
        if not self._core.is_open:
            if now >= self._began_at + GREETING_S:
                return ConnectionClosedError(_ABNORMAL_CLOSURE, f"the server did not greet within {GREETING_S:g} s")
            return None
        steady = not self._core.memory.restoring and now >= self._began_at + STEADY_S
        if steady and self._reconnection.state is ReconnectState.RESTORING:
            self._reconnection.restored()
        return self._look_ahead(now, unix_now_s)

    def take_next(self) -> O | None:
        """What was opened ahead of time, decided or not; it is the caller's from now on."""
        following, self._next = self._next, None
        return following

    def _look_ahead(self, now: float, unix_now_s: float) -> O | None:
        if not self._wants_next(unix_now_s):
            return None
        if self._next is None and now >= self._next_attempt_at:
            self._next_attempt_at = now + ROTATION_RETRY_S
            self._next = self._open_next()
        if self._next is None or not self._next.is_decided:
            return None
        if (fault := self._next.fault) is not None:
            _logger.warning("cannot open the next connection yet: %s", fault)
            self._let_go(self._next)
            self._next = None
            return None
        return self.take_next() if self._core.rotation_due(unix_now_s=unix_now_s) else None

    def _wants_next(self, unix_now_s: float) -> bool:
        """Whether the session's end is near enough to open another connection."""
        ends_at = self._core.expires_at
        if ends_at is None:
            return False
        # A session that is shorter than the usual lead is used for half its time at least.
        early = unix_now_s - self._began_at_unix_s < (ends_at - self._began_at_unix_s) / 2
        return not early and rotation_due(unix_now_s, ends_at, between_turns=True, limits=self._core.options.rotation)
