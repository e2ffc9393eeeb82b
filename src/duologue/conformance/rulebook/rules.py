"""The rules of the protocol, as data: what they say, where they come from and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from duologue.conformance.rulebook.patterns import Pattern

__all__ = [
    "GROUPS",
    "LEVELS",
    "ErrorRule",
    "Level",
    "Provenance",
    "Rule",
    "SequenceRule",
    "errors",
    "rules",
    "sequences",
]

Level: TypeAlias = Literal["required", "recommended", "informational"]
Provenance: TypeAlias = Literal["capture", "spec", "guide", "integration", "inferred", "unsure"]

LEVELS: Final[Mapping[Provenance, Level]] = {
    "capture": "required",
    "spec": "required",
    "guide": "recommended",
    "integration": "recommended",
    "inferred": "informational",
    "unsure": "informational",
}
"""What is seen in public recordings or published must hold; what only a neighbouring rule suggests is for your eyes."""

GROUPS: Final[Mapping[str, str]] = {
    "sequences": "What comes after what",
    "invariants": "What holds everywhere",
    "behaviours": "What follows from what",
    "errors": "What is refused, and how",
}
"""The tables of rules, with a title for each."""

R = TypeVar("R", bound="Rule")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that a server does."""

    id: str = ""
    group: str = ""
    title: str
    source: str
    """The section of the published protocol that it belongs to."""
    provenance: Provenance
    """How it is known."""
    era: Literal["both", "ga", "beta"] = "both"
    level: Level | None = None
    """Where it is not what the mark gives."""
    skip: str = ""
    """Why no run over a WebSocket can decide it."""

    @property
    def weight(self) -> Level:
        """How much it counts."""
        return self.level or LEVELS[self.provenance]


class SequenceRule(Rule, frozen=True, kw_only=True):
    """Events in their order."""

    steps: tuple[str | tuple[str, ...], ...]
    free: tuple[str, ...] = ()
    open: bool = False
    """Only the types that it names count."""

    @property
    def pattern(self) -> Pattern:
        """The steps, ready to be matched."""
        return Pattern.of(self.steps, free=self.free, open=self.open)


class ErrorRule(Rule, frozen=True, kw_only=True):
    """A refusal. `"null"` in `codes` stands for null."""

    provoke: str = ""
    binary: bool = False
    codes: tuple[str, ...] = ()
    param: str | None = None
    message: str = ""
    """How its message begins."""
    close: int | None = None
    """The code of the close that follows."""


@cache
def sequences() -> Mapping[str, SequenceRule]:
    """The rules of order, by id."""
    return _table("sequences", SequenceRule)


@cache
def errors() -> Mapping[str, ErrorRule]:
    """The rules of refusal, by id."""
    return _table("errors", ErrorRule)


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its id, group by group."""
    invariants, behaviours = _table("invariants", Rule), _table("behaviours", Rule)
    return {**sequences(), **invariants, **behaviours, **errors()}


def _table(name: str, kind: type[R]) -> Mapping[str, R]:
    table = msgspec.toml.decode(
        files("duologue.conformance").joinpath(f"{name}.toml").read_bytes(), type=dict[str, dict[str, Any]]
    )
    return {id: msgspec.convert({**entry, "id": id, "group": name}, kind) for id, entry in table.items()}
