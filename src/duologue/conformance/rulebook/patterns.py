"""Patterns of events: a small language for the order of events, and its matcher.

A step is `side type [path=value ...] [repeat]`, such as `S response.output_text.delta +`: the client (C) or the
server (S) sends an event of this type (which may end in `*`), in which these paths have these values; once, or at
most once (?), any number of times (*), at least once (+). A pattern is a sequence of groups. A group is a step, or
several steps that come in any order and may be mixed. A pattern is a regular language, and is matched by the set of
states that the messages so far may have reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from msgspec import Struct

from duologue.conformance.wire.trace import Side, WireMessage

__all__ = ["Pattern", "Step"]

_REPEATS: Final = {"?": (0, 1), "*": (0, None), "+": (1, None)}
_ONCE: Final = (1, 1)

_State: TypeAlias = tuple[int, tuple[int, ...]]
"""The index of the current group, and how often each of its steps has come, as far as it matters."""


class Step(Struct, frozen=True):
    """An expected event."""

    side: Side
    type: str
    where: tuple[tuple[str, str], ...] = ()
    min_count: int = 1
    max_count: int | None = 1
    """None: no limit."""

    @classmethod
    def of(cls, text: str) -> Step:
        """Parse a step. Raises ValueError for a malformed one."""
        side, type, *rest = text.split()
        min_count, max_count = _REPEATS[rest.pop()] if rest and rest[-1] in _REPEATS else _ONCE
        where = [part.partition("=") for part in rest]
        if side not in ("C", "S") or not all(equals for _, equals, _ in where):
            raise ValueError(f"this is no step of a pattern: {text}")
        return cls(
            "C" if side == "C" else "S", type, tuple((path, value) for path, _, value in where), min_count, max_count
        )

    def names(self, message: WireMessage) -> bool:
        """Whether the message is of this side and type."""
        return message.side == self.side and fnmatchcase(message.type, self.type)

    def fits(self, message: WireMessage) -> bool:
        """Whether the message has this side, this type and these values."""
        return self.names(message) and all(message.get(path) == value for path, value in self.where)

    def __str__(self) -> str:
        return " ".join((self.type, *(f"{path}={value}" for path, value in self.where)))


class Pattern(Struct, frozen=True):
    """Groups of steps, in order."""

    groups: tuple[tuple[Step, ...], ...]
    free: tuple[Step, ...] = ()
    """These may come anywhere, any number of times."""
    open: bool = False
    """Whether messages of types that the pattern does not name are ignored."""

    @classmethod
    def of(cls, steps: Iterable[str | Sequence[str]], *, free: Iterable[str] = (), open: bool = False) -> Pattern:
        """Parse a pattern. Raises ValueError for a malformed step."""
        groups = ((step,) if isinstance(step, str) else step for step in steps)
        return cls(
            tuple(tuple(Step.of(each) for each in group) for group in groups), tuple(map(Step.of, free)), open=open
        )

    def mismatch(self, messages: Iterable[WireMessage]) -> str | None:
        """A sentence that says where the messages leave the pattern; None if they match it to its end."""
        places = self._reach([(0, self._begin(0))])
        for number, message in enumerate(filter(self._counts, messages)):
            following = self._reach(self._after(places, message))
            if not following:
                return f"event {number + 1} is {self._seen(places, message)}, where {self._wanted(places)} must come"
            places = following
        if any(index == len(self.groups) for index, _ in places):
            return None
        return f"{self._wanted(places)} does not come"

    def _counts(self, message: WireMessage) -> bool:
        if any(step.fits(message) for step in self.free):
            return False
        return not self.open or any(step.names(message) for group in self.groups for step in group)

    def _begin(self, index: int) -> tuple[int, ...]:
        return (0,) * len(self.groups[index]) if index < len(self.groups) else ()

    def _reach(self, places: Iterable[_State]) -> set[_State]:
        """These states, and those that follow from them without a message: behind groups that are satisfied."""
        reached: set[_State] = set()
        for place in places:
            while place not in reached:
                reached.add(place)
                index, counts = place
                if index == len(self.groups) or any(
                    n < step.min_count for n, step in zip(counts, self.groups[index], strict=True)
                ):
                    break
                place = (index + 1, self._begin(index + 1))
        return reached

    def _after(self, places: Iterable[_State], message: WireMessage) -> Iterator[_State]:
        for index, counts in places:
            for number, step in self._open_steps(index, counts):
                if step.fits(message):
                    # Above its minimum, the count of a step without limit makes no difference: the states stay few.
                    n = counts[number] + 1 if step.max_count is not None else min(counts[number] + 1, step.min_count)
                    yield index, (*counts[:number], n, *counts[number + 1 :])

    def _open_steps(self, index: int, counts: tuple[int, ...]) -> Iterator[tuple[int, Step]]:
        if index < len(self.groups):
            for number, step in enumerate(self.groups[index]):
                if step.max_count is None or counts[number] < step.max_count:
                    yield number, step

    def _wanted(self, places: Iterable[_State]) -> str:
        steps = [str(step) for index, counts in sorted(places) for _, step in self._open_steps(index, counts)]
        return " or ".join(dict.fromkeys(steps)) or "nothing more"

    def _seen(self, places: Iterable[_State], message: WireMessage) -> str:
        """The message, with its values that differ from those of a step of the same type."""
        for index, counts in sorted(places):
            for _, step in self._open_steps(index, counts):
                if step.names(message):
                    return f"{message.type} with " + ", ".join(
                        f"{path}={message.get(path)!r}" for path, value in step.where if message.get(path) != value
                    )
        return message.type or "a message without type"
