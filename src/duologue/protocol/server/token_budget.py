"""The rate limit on the tokens of one session's responses."""

from __future__ import annotations

from duologue.events import RateLimit
from duologue.protocol.server.clock import Clock

__all__ = ["TokenBudget"]

_MINUTE_S = 60


class TokenBudget:
    """A token bucket that refills evenly, up to one minute's worth.

    The use of a response is known at its end, so the balance can be negative; the next response waits until it is not.
    """

    def __init__(self, tokens_per_minute: int, clock: Clock) -> None:
        self.tokens_per_minute = tokens_per_minute
        self._clock = clock
        self._left = float(tokens_per_minute)
        self._counted_at = clock.now

    @property
    def wait_s(self) -> float:
        """Seconds until the next response may start; 0 if it may start now."""
        self._fill()
        return max(0.0, -self._left * _MINUTE_S / self.tokens_per_minute)

    def use(self, tokens: int) -> None:
        """A response has used so many tokens."""
        self._fill()
        self._left -= tokens

    def rate_limit(self) -> RateLimit:
        """The balance, as `rate_limits.updated` reports it."""
        self._fill()
        missing = self.tokens_per_minute - self._left
        return RateLimit(
            name="tokens",
            limit=self.tokens_per_minute,
            remaining=max(0, int(self._left)),
            reset_seconds=round(missing * _MINUTE_S / self.tokens_per_minute, 3),
        )

    def _fill(self) -> None:
        passed_s, self._counted_at = self._clock.now - self._counted_at, self._clock.now
        self._left = min(
            self._left + passed_s * self.tokens_per_minute / _MINUTE_S,
            float(self.tokens_per_minute),
        )
