"""The tokens that one session may use in a minute."""

from __future__ import annotations

from duologue.events import RateLimit
from duologue.protocol.server.clock import Clock

__all__ = ["Allowance"]

_MINUTE_S = 60


class Allowance:
    """Fills up evenly, to no more than a minute's worth. What a response used is known when it is over, so a debt is
    possible; it is worked off before the next response."""

    def __init__(self, tokens_per_minute: int, clock: Clock) -> None:
        self.tokens_per_minute = tokens_per_minute
        self._clock = clock
        self._left = float(tokens_per_minute)
        self._counted_at = clock.now

    @property
    def wait_s(self) -> float:
        """Seconds until a response may begin; 0 for at once."""
        self._fill()
        return max(0.0, -self._left * _MINUTE_S / self.tokens_per_minute)

    def use(self, tokens: int) -> None:
        """A response has used so many."""
        self._fill()
        self._left -= tokens

    def wire(self) -> RateLimit:
        """What is left, as the wire tells it."""
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
