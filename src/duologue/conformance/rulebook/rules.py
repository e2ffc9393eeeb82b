"""The rules of the protocol, as data: what each says, where it is published, and how it is known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from duologue.conformance.rulebook.patterns import Pattern
from duologue.conformance.wire.connector import Family, Medium

__all__ = [
    "FAMILIES",
    "GROUPS",
    "LEVELS",
    "MEDIA",
    "ErrorRule",
    "Level",
    "Provenance",
    "Rule",
    "SequenceRule",
    "errors",
    "rule_named",
    "rules",
    "sequences",
    "sources",
]

Level: TypeAlias = Literal["required", "recommended", "informational"]
Provenance: TypeAlias = Literal["capture", "spec", "sdk", "guide", "integration", "measured", "inferred", "unsure"]

LEVELS: Final[Mapping[Provenance, Level]] = {
    "capture": "required",
    "spec": "required",
    "sdk": "required",
    "guide": "recommended",
    "integration": "recommended",
    "measured": "recommended",
    "inferred": "informational",
    "unsure": "informational",
}
"""Rules seen in public recordings or published are required; what only a neighbouring rule suggests is information.

`sdk` is what the official packages' types and documentation say; `measured` is what others published of their own runs.
"""

FAMILIES: Final[Mapping[Family, str]] = {"realtime": "Realtime", "live": "Live", "translation": "Translation"}
"""The families of sessions, with a title for each: each has tables of its own."""

MEDIA: Final[Mapping[Medium, str]] = {"websocket": "a WebSocket", "webrtc": "WebRTC"}
"""What carries sessions, in words."""

GROUPS: Final[Mapping[str, str]] = {
    "sequences": "Order of events",
    "invariants": "What holds in every session",
    "behaviours": "What a server does",
    "errors": "What a server rejects, and how",
}
"""The tables of rules, with a title for each."""

R = TypeVar("R", bound="Rule")
T = TypeVar("T")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that a server does."""

    id: str = ""
    """Unique among the rules of all families."""
    group: str = ""
    family: Family = "realtime"
    title: str
    source: str
    """The section of the published protocol that it belongs to; `sources.toml` has its pages."""
    provenance: Provenance
    """How it is known."""
    era: Literal["both", "ga", "beta"] = "both"
    level: Level | None = None
    """Overrides the level that follows from the provenance."""
    skip: str = ""
    """Why no run can decide it."""
    over: Medium | None = None
    """What must carry the session for the rule to apply; None: either."""

    def skipped(self, medium: Medium) -> str:
        """Why a run over this medium cannot decide it; empty if it can."""
        if self.skip or self.over in (None, medium):
            return self.skip
        return f"only over {MEDIA[self.over]}"

    @property
    def weight(self) -> Level:
        """How much it counts."""
        return self.level or LEVELS[self.provenance]

    @property
    def links(self) -> tuple[str, ...]:
        """Public pages of its source."""
        return sources()[self.source]


class SequenceRule(Rule, frozen=True, kw_only=True):
    """A rule of order."""

    steps: tuple[str | tuple[str, ...], ...]
    free: tuple[str, ...] = ()
    open: bool = False
    """Whether events of types that it does not name are ignored."""

    @property
    def pattern(self) -> Pattern:
        """The steps, ready to be matched."""
        return Pattern.of(self.steps, free=self.free, open=self.open)


class ErrorRule(Rule, frozen=True, kw_only=True):
    """A rule about an error. `"null"` in `codes` stands for null."""

    provoke: str = ""
    binary: bool = False
    codes: tuple[str, ...] = ()
    param: str | None = None
    message: str = ""
    """How the error's message begins."""
    close: int | None = None
    """The close code that follows."""


@cache
def sequences(family: Family = "realtime") -> Mapping[str, SequenceRule]:
    """The rules of order of a family, by id."""
    return _table(family, "sequences", SequenceRule)


@cache
def errors(family: Family = "realtime") -> Mapping[str, ErrorRule]:
    """The error rules of a family, by id."""
    return _table(family, "errors", ErrorRule)


@cache
def rules(family: Family = "realtime") -> Mapping[str, Rule]:
    """Every rule of a family by its id, group by group."""
    invariants, behaviours = _table(family, "invariants", Rule), _table(family, "behaviours", Rule)
    return {**sequences(family), **invariants, **behaviours, **errors(family)}


def rule_named(id: str) -> Rule:
    """The rule of this id, of whichever family. Raises KeyError if there is none."""
    return _every_rule()[id]


@cache
def _every_rule() -> Mapping[str, Rule]:
    return {id: rule for family in FAMILIES for id, rule in rules(family).items()}


@cache
def sources() -> Mapping[str, tuple[str, ...]]:
    """Public pages by the section that rules name as their source."""
    return _toml("sources", dict[str, tuple[str, ...]])


def _table(family: Family, group: str, kind: type[R]) -> Mapping[str, R]:
    table = _toml(f"{family}/{group}", dict[str, dict[str, Any]])
    named = {"family": family, "group": group}
    return {id: msgspec.convert({**entry, **named, "id": id}, kind) for id, entry in table.items()}


def _toml(name: str, kind: type[T]) -> T:
    tables = files("duologue.conformance").joinpath("tables")
    return msgspec.toml.decode(tables.joinpath(f"{name}.toml").read_bytes(), type=kind)
