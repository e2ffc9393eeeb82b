"""Rate limits by token buckets, without a clock of their own."""

from __future__ import annotations

from typing import Final

__all__ = ["Rates", "TokenBucket"]

_MAX_KEYS: Final = 10_000
"""Buckets at a time. There may be any number of unauthenticated addresses; a full bucket equals a new one."""


class TokenBucket:
    """Allows `burst` events at once, and `per_s` a second in the long run. `now` is any clock in seconds."""

    __slots__ = ("_at", "_burst", "_per_s", "_tokens")

    def __init__(self, *, per_s: float, burst: float, now: float) -> None:
        self._per_s = per_s
        self._burst = max(burst, 1.0)
        self._tokens = self._burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more event is allowed now; if so, it counts."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        """Whether the bucket equals a new one."""
        self._fill(now)
        return self._tokens >= self._burst

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)


class Rates:
    """A bucket for each key."""

    def __init__(self, *, per_minute: float | None) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, TokenBucket] = {}

    def take(self, key: str, now: float, *, per_minute: float | None = None) -> bool:
        """Whether one more event is allowed for this key, which may have a rate of its own; if so, it counts."""
        per_minute = self._per_minute if per_minute is None else per_minute
        if per_minute is None:
            return True
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MAX_KEYS:
                self._buckets = {key: each for key, each in self._buckets.items() if not each.is_full(now)}
            if len(self._buckets) >= _MAX_KEYS:
                return False
            bucket = TokenBucket(per_s=per_minute / 60, burst=per_minute, now=now)
            self._buckets[key] = bucket
        return bucket.take(now)
