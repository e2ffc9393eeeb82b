"""When a client connects again after a lost connection, and when it gives up.

lost · failed · opened · restored      what happens to the connection
tick · next_tick_at                    when the next attempt is due
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from msgspec import Struct

from duologue.protocol.states import RECONNECT, ReconnectInput, ReconnectState, ReportIllegal, raise_illegal, step

__all__ = ["FINAL_CLOSES", "MAX_ASKED_S", "ReconnectPolicy", "Reconnection", "backoff_s"]

FINAL_CLOSES: Final = frozenset({1000, 3000, 4000})
"""Close codes after which another attempt gets the same answer: an agreed end, a bad key, a bad request. Every other
one may be the network, a restart, or the end of the session's time. What the supervisor adds to it are errors that end
sessions (`client.asyncio.supervisor`) and handshakes that fail (`transports.handshake_failures`)."""


MAX_ASKED_S: Final = 30.0
"""The longest wait that a server's `Retry-After` can ask for: then it is tried all the same, and the attempts end."""


class ReconnectPolicy(Struct, frozen=True, kw_only=True):
    """How often, and how soon, to connect again: `converse(url, reconnect=ReconnectPolicy(max_attempts=3))`.

    Attempts wait `first_delay_s`, then each `factor` times as long as the one before, up to `max_delay_s`; up to
    half of a wait is left to chance.
    """

    first_delay_s: float = 0.25
    """Before the second attempt. The first waits for half of it at most: most losses are of one connection, not of the
    network."""
    factor: float = 2.0
    """How many times longer the next wait is."""
    max_delay_s: float = 8.0
    """Users take a longer silence for the end of the call."""
    max_attempts: int = 8
    """With the delays above 12 to 24 s of waiting, and what the attempts take; 0 never reconnects."""


def backoff_s(attempt: int, policy: ReconnectPolicy, random: Callable[[], float]) -> float:
    """Seconds before an attempt, counted from 1: exponential, and up to half of it jitter.

    `random` returns a number from 0 to 1. The jitter keeps a thousand clients of one server from connecting at once.
    """
    if attempt <= 1:
        return policy.first_delay_s * random() / 2
    delay = min(policy.first_delay_s * policy.factor ** min(attempt - 2, 64), policy.max_delay_s)
    return delay * (0.5 + random() / 2)


class Reconnection:
    """The state of one client's connection. Starts connected.

    A method that the state does not allow changes nothing and calls `report_illegal`.
    """

    def __init__(
        self,
        policy: ReconnectPolicy | None = None,
        *,
        random: Callable[[], float],
        report_illegal: ReportIllegal = raise_illegal,
    ) -> None:
        self.policy: ReconnectPolicy = policy if policy is not None else ReconnectPolicy()
        self.state: ReconnectState = ReconnectState.CONNECTED
        self.attempts: int = 0
        """Attempts since the session was last restored."""
        self._report_illegal = report_illegal
        self._random = random
        self._due_at = inf

    @property
    def next_tick_at(self) -> float:
        """When the next attempt is due, on the clock of `now`."""
        return self._due_at

    def lost(self, *, now: float, code: int | None = None, retryable: bool = True) -> bool:
        """The connection is lost, with this close code if there was one. True if there will be another attempt.

        A loss after an `error` that ends the session is not retryable.
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

    def failed(self, *, now: float, retryable: bool = True, retry_after_s: float | None = None) -> bool:
        """The attempt has failed. True if there will be another one: no sooner than after `retry_after_s`, which the
        server has asked for, within `MAX_ASKED_S`."""
        if not (self._step(ReconnectInput.ATTEMPT_FAILED) and self._plan(now, possible=retryable)):
            return False
        self._due_at = max(self._due_at, now + min(retry_after_s or 0.0, MAX_ASKED_S))
        return True

    def opened(self) -> None:
        """The connection is open; the configuration and the items of the old session are sent now."""
        self._step(ReconnectInput.OPENED)

    def restored(self) -> None:
        """The new session has the configuration and the items of the old one."""
        if self._step(ReconnectInput.RESTORED):
            self.attempts = 0

    def give_up(self) -> None:
        """The application wants no more attempts."""
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
