"""How long nobody has said anything since the model was last heard."""

from __future__ import annotations

from math import inf

from duologue.protocol.server.clock import Clock

__all__ = ["IdleTimer"]


class IdleTimer:
    """Runs from the end of a response, or of the time that its speech takes to play, until somebody speaks.

    How far the client has played is not on the wire. It plays each piece when it comes, or behind the one before it:
    a client that is slower than this is prompted a little early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._plays_until = -inf
        self._quiet_since = inf

    @property
    def running(self) -> bool:
        """Whether it is the user's turn."""
        return self._quiet_since < inf

    def spoken(self, ms: int) -> None:
        """The model said this much more."""
        self._plays_until = max(self._plays_until, self._clock.now) + ms / 1000

    def stopped(self) -> None:
        """The client plays no more of what was said."""
        self._plays_until = min(self._plays_until, self._clock.now)
        if self.running:
            self._quiet_since = min(self._quiet_since, self._clock.now)

    def start(self) -> None:
        """It is the user's turn, once all is played."""
        self._quiet_since = max(self._clock.now, self._plays_until)

    def restart(self) -> None:
        """Whatever has run so far does not count, because it was measured by another setting."""
        if self.running:
            self._quiet_since = max(self._clock.now, self._quiet_since)

    def stop(self) -> None:
        """The user speaks, or a response is under way."""
        self._quiet_since = inf

    def due_at(self, timeout_ms: int | None) -> float:
        """When `timeout_ms` of quiet will be over; infinity while it is nobody's turn, and without a timeout."""
        return inf if timeout_ms is None else self._quiet_since + timeout_ms / 1000
