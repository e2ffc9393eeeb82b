"""CountedDelays that a server has counted in buckets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from duologue.cli.status.exposition import Samples

__all__ = ["CountedDelays", "Histogram", "histogram_of"]

_MS: Final = 1000


class CountedDelays(Struct, frozen=True, kw_only=True):
    """How many there were, and how long they were, in milliseconds; None: there were none.

    A value is interpolated in its bucket. In the last one, which has no end, it is where that begins.
    """

    count: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


class Histogram(Struct, frozen=True):
    """Buckets by their upper bounds in seconds, which rise; each counts all that is not longer."""

    buckets: Sequence[tuple[float, float]] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.buckets[-1][1]) if self.buckets else 0

    def since(self, before: Histogram) -> Histogram:
        """What has been added; all, if the server has begun to count anew, or counts in other buckets."""
        bounds = [bound for bound, _ in self.buckets]
        if bounds != [bound for bound, _ in before.buckets] or before.count > self.count:
            return self
        pairs = zip(self.buckets, before.buckets, strict=True)
        return Histogram([(bound, max(0, count - past)) for (bound, count), (_, past) in pairs])

    def quantile(self, share: float) -> float | None:
        """The delay in seconds that this share of all does not exceed, as Prometheus's histogram_quantile has it."""
        if not self.count:
            return None
        rank, lower, below = share * self.count, 0.0, 0.0
        for bound, count in self.buckets:
            if count >= rank and count > below:
                return lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
            lower, below = (lower if math.isinf(bound) else bound), max(below, count)
        return lower

    def delays(self) -> CountedDelays:
        """In milliseconds."""
        return CountedDelays(count=self.count, p50_ms=self._ms(0.5), p95_ms=self._ms(0.95), p99_ms=self._ms(0.99))

    def _ms(self, share: float) -> float | None:
        seconds = self.quantile(share)
        return None if seconds is None else round(seconds * _MS, 1)


def histogram_of(samples: Samples, name: str, **labels: str) -> Histogram:
    """The histogram of a metric with exactly these labels; empty if there is none.

    Raises:
        ValueError: a bound is none.
    """
    buckets: list[tuple[float, float]] = []
    for found, count in samples.get(f"{name}_bucket", {}).items():
        others = dict(found)
        bound = float(others.pop("le", "nan"))
        if math.isnan(bound):
            raise ValueError("a bucket without a bound")
        if others == labels:
            buckets.append((bound, count))
    return Histogram(sorted(buckets))
