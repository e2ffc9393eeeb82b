"""A client's way back to its session: when to try again, and when to stop trying.

lost · failed · opened · restored      what happens to the connection
tick · next_tick_at                    when the next attempt is due
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from msgspec import Struct

from duologue.protocol.states import RECONNECT, ReconnectInput, ReconnectState, ReportIllegal, raise_illegal, step

__all__ = ["FINAL_CLOSES", "ReconnectPolicy", "Reconnection", "backoff_s"]

FINAL_CLOSES: Final = frozenset({1000, 3000, 4000})
"""Close codes after which another attempt meets the same answer: an agreed end, a bad key, a bad request. Every other
one may be the network, a restart, or the end of the session's time."""


class ReconnectPolicy(Struct, frozen=True, kw_only=True):
    """How hard to try."""

    first_delay_s: float = 0.25
    """Before the second attempt; the first comes at once: most losses are of one connection and not of the way."""
    factor: float = 2.0
    max_delay_s: float = 8.0
    """Longer silences are taken for the end of the call."""
    max_attempts: int = 8
    """About half a minute with the delays above; 0 never reconnects."""


def backoff_s(attempt: int, policy: ReconnectPolicy, random: Callable[[], float]) -> float:
    """Seconds before an attempt, the first being 1: doubled each time, half of it by chance.

    `random` returns a number from 0 to 1; the jitter keeps a thousand clients of one server from coming back at once.
    """
    if attempt <= 1:
        return policy.first_delay_s * random() / 2
    delay = min(policy.first_delay_s * policy.factor ** min(attempt - 2, 64), policy.max_delay_s)
    return delay * (0.5 + random() / 2)


class Reconnection:
    """One client's connection, as a state. Starts connected.

    A verb that its state does not allow changes nothing; `report_illegal` is called with it.
    """

    def __init__(
        self,
        policy: ReconnectPolicy | None = None,
        *,
        random: Callable[[], float],
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.policy = policy if policy is not None else ReconnectPolicy()
        self.state = ReconnectState.CONNECTED
        self.attempts = 0
        """Attempts since the session was last whole."""
        self._report_illegal = report_illegal
        self._random = random
        self._due_at = inf

    @property
    def next_tick_at(self) -> float:
        """When the next attempt is due, on the clock of `now`."""
        return self._due_at

    def lost(self, *, now: float, code: int | None = None, retryable: bool = True) -> bool:
        """The connection is gone, with this close code if there was one. True if there will be another attempt.

        Not retryable is a loss behind an `error` that ends sessions for good.
        """
        if not self._step(ReconnectInput.CONNECTION_LOST):
            return False
        return self._plan(now, possible=retryable and code not in FINAL_CLOSES)

    def tick(self, now: float) -> bool:
        """Time has passed. True if the shell must open a connection now."""
        if self.state is not ReconnectState.WAITING or now < self._due_at:
            return False
        self._due_at = inf
        self.attempts += 1
        return self._step(ReconnectInput.ATTEMPT_DUE)

    def failed(self, *, now: float, retryable: bool = True) -> bool:
        """No connection came about. True if there will be another attempt."""
        return self._step(ReconnectInput.ATTEMPT_FAILED) and self._plan(now, possible=retryable)

    def opened(self) -> None:
        """A connection is there; what the old one knew is sent now."""
        self._step(ReconnectInput.OPENED)

    def restored(self) -> None:
        """The new session knows what the old one knew."""
        if self._step(ReconnectInput.RESTORED):
            self.attempts = 0

    def give_up(self) -> None:
        """The session is no longer wanted."""
        self._due_at = inf
        self._step(ReconnectInput.GAVE_UP)

    def _plan(self, now: float, *, possible: bool) -> bool:
        if not possible or self.attempts >= self.policy.max_attempts:
            self._step(ReconnectInput.GAVE_UP)
            return False
        self._due_at = now + backoff_s(self.attempts + 1, self.policy, self._random)
        return self._step(ReconnectInput.ATTEMPT_PLANNED)

    def _step(self, happened: ReconnectInput) -> bool:
        following = step(RECONNECT, self.state, happened, report=self._report_illegal)
        if following is None:
            return False
        self.state = following
        return True
