"""The faults of a run: which are wanted, what came of them, and the chance of each, from a seed."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from duologue.faults.grammar import parse_faults
from duologue.faults.planned import PlannedFault
from duologue.printable import printable_name
from duologue.recording import FaultNote

__all__ = ["FaultPlan", "FiredFault"]

_MAX_KEPT: Final = 10_000
"""Fired faults that are kept, the last ones: some megabytes. `counts` has all of them."""


class FiredFault(Struct, frozen=True, kw_only=True):
    """A fault that came."""

    fault: PlannedFault
    connection: int
    """Counted from 1."""
    at_s: float
    """Seconds since the connection was opened."""
    event: str | None = None
    """The type of the event at which it came."""
    number: int | None = None
    """The how manieth of its type that event was on this connection and from this side."""

    @property
    def occasion(self) -> str:
        """The event at which it came, in words; empty where it was none."""
        return "" if self.event is None else f"at {printable_name(self.event)} {self.number}"

    @property
    def note(self) -> FaultNote:
        """What a recording has of it."""
        fields = str(self.fault).removeprefix(self.fault.name).strip()
        return FaultNote(name=self.fault.name, detail=f"{fields} {self.occasion}".strip())

    def __str__(self) -> str:
        """On one line, without its time: the same for each run that went the same way."""
        return f"connection {self.connection}: {self.fault} {self.occasion}".rstrip()


class FaultPlan:
    """The faults of any number of connections.

    One seed makes the same decisions each time: whether the third `response.done` of a connection is lost depends on
    the seed, and not on what else passes. `fired` and `counts` have what came; `told` is called for each.
    """

    def __init__(
        self,
        faults: str | PlannedFault | Iterable[str | PlannedFault] = (),
        *,
        seed: int = 0,
        told: Callable[[FiredFault], object] | None = None,
    ) -> None:
        """Raises ValueError where a text is no fault."""
        self.faults: tuple[PlannedFault, ...] = parse_faults(faults)
        self.seed = seed
        self.connections: int = 0
        """How many were opened."""
        self.fired: deque[FiredFault] = deque(maxlen=_MAX_KEPT)
        self.counts: Counter[str] = Counter()
        """How often each came, by its text."""
        self._told = [told] if told is not None else []
        self._left = [fault.times for fault in self.faults]

    def tell(self, told: Callable[[FiredFault], object]) -> None:
        """Call this too for each fault that comes."""
        self._told.append(told)

    def opened(self) -> int:
        """Count a connection; returns its number, from 1."""
        self.connections += 1
        return self.connections

    def may_come(self, index: int) -> bool:
        """Whether this fault, by its place in `faults`, has not come as often as it may."""
        left = self._left[index]
        return left is None or left > 0

    def fire(self, index: int, fired: FiredFault) -> None:
        """A fault comes."""
        left = self._left[index]
        if left is not None:
            self._left[index] = left - 1
        self.fired.append(fired)
        self.counts[str(fired.fault)] += 1
        for told in self._told:
            told(fired)

    def chance(self, index: int, connection: int, occasion: str = "") -> random.Random:
        """The chance of one occasion of one fault."""
        return random.Random(f"{self.seed}/{index}/{connection}/{occasion}")
