"""What a network does to the caller's audio before the carrier passes it on: loss, jitter, another order."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Final, Generic, TypeVar

from msgspec import Struct

__all__ = ["LineQuality", "RoughLine"]

T = TypeVar("T")

_OVERTAKEN_S: Final = 0.045
"""A piece that comes out of order is so late: two others of 20 ms come before it."""


class LineQuality(Struct, frozen=True, kw_only=True):
    """How bad the network is. Raises ValueError for what is none."""

    loss: float = 0.0
    """How many of the pieces are lost, from 0 to 1."""
    jitter_ms: float = 0.0
    """By how much a piece is late: any time from 0 to this, equally likely."""
    reordering: float = 0.0
    """How many of the pieces come behind later ones, from 0 to 1."""

    def __post_init__(self) -> None:
        for name, value in (("loss", self.loss), ("reordering", self.reordering)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is a part of the pieces, from 0 to 1, not {value:g}")
        if not 0 <= self.jitter_ms <= 1_000:
            raise ValueError(f"jitter is from 0 to 1000 ms, not {self.jitter_ms:g}")


class RoughLine(Generic[T]):
    """Pieces go in when they were spoken, and come out as the carrier passes them on.

    In order, as over one TCP connection, except for those that are to be overtaken.
    """

    def __init__(self, quality: LineQuality, *, chance: Callable[[], float]) -> None:
        """`chance` gives numbers from 0 to 1."""
        self._quality = quality
        self._chance = chance
        self._under_way: list[tuple[float, int, T]] = []
        self._kept = 0
        self._last_at = -inf
        self.lost: int = 0
        """Pieces that were lost so far."""

    def push(self, piece: T, *, now: float) -> None:
        """A piece was spoken."""
        quality = self._quality
        if quality.loss and self._chance() < quality.loss:
            self.lost += 1
            return
        self._kept += 1
        at = now + (self._chance() * quality.jitter_ms / 1000 if quality.jitter_ms else 0.0)
        if quality.reordering and self._chance() < quality.reordering:
            at += _OVERTAKEN_S
        else:
            at = self._last_at = max(at, self._last_at)
        heappush(self._under_way, (at, self._kept, piece))

    @property
    def next_due_at(self) -> float:
        """When the next piece comes out; infinity while none is under way."""
        return self._under_way[0][0] if self._under_way else inf

    def take(self, now: float) -> list[tuple[int, T]]:
        """The pieces that have come out by now, and their numbers: those that are not lost are counted from 1."""
        ready: list[tuple[int, T]] = []
        while self.next_due_at <= now:
            _, number, piece = heappop(self._under_way)
            ready.append((number, piece))
        return ready
