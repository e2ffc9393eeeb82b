"""`duologue events`: the events of the protocol, and the types inside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import groupby
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from duologue import catalogue
from duologue.catalogue import EventEntry, FieldEntry, TypeEntry
from duologue.cli.errors import UsageError
from duologue.dialects import PROFILES

__all__ = ["DialectSpelling", "events", "spellings"]


class DialectSpelling(msgspec.Struct, frozen=True, kw_only=True):
    """How a dialect writes an event, where that differs from the canonical form. Derived from the event's example."""

    dialect: str
    name: str | None
    """The dialect's wire name; None if it has no such event."""
    moved: dict[str, str] = {}
    """Paths in the dialect, with their canonical paths."""
    more: tuple[str, ...] = ()
    """Paths in the dialect's frame alone."""
    fewer: tuple[str, ...] = ()
    """Paths in the canonical frame alone."""


def events(
    name: Annotated[
        str | None, Parameter(help="Wire name, former wire name or class of an event, or a type inside one.")
    ] = None,
    /,
    *,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """List every event, or describe one: fields, eras, spellings in other dialects, when it is sent."""
    entries = catalogue.events() if name is None else catalogue.events_named(name)
    inside = () if entries or name is None else catalogue.types_named(name)
    if not entries and not inside:
        raise UsageError(f"there is no event {name!r}; {_suggestion(name or '')}duologue events lists all")
    if json:
        listed = [_as_json(entry, whole=name is not None) for entry in entries]
        types = {"types": msgspec.to_builtins(inside)} if inside else {}
        print(msgspec.json.encode({"events": listed, **types}).decode())
    elif inside:
        print("\n\n".join("\n".join(_type_description(entry)) for entry in inside))
    elif name is None:
        _list(entries)
    else:
        print("\n\n".join("\n".join(_description(entry)) for entry in entries))
    return 0


def spellings(entry: EventEntry) -> tuple[DialectSpelling, ...]:
    """The spellings of an event in dialects that differ from the canonical form."""
    if entry.api != "realtime":
        return ()
    example = catalogue.examples()[entry.key]
    return tuple(
        spelling for profile in PROFILES.values() if (spelling := _spelling(profile.name, entry, example)) is not None
    )


def _spelling(dialect: str, entry: EventEntry, example: dict[str, Any]) -> DialectSpelling | None:
    profile = PROFILES[dialect]
    if entry.wire in profile.lacks_events:
        return DialectSpelling(dialect=dialect, name=None)
    frame = profile.write(example, [])
    if frame == example:
        return None
    theirs, ours = dict(_leaves(frame)), dict(_leaves(example))
    moved: dict[str, str] = {}
    for path in sorted(theirs.keys() - ours.keys()):
        for other in sorted(ours.keys() - theirs.keys()):
            if _last(path) == _last(other) and theirs[path] == ours[other]:
                short, long = _without_common_end(path, other)
                moved[short] = long
                del theirs[path], ours[other]
                break
    return DialectSpelling(
        dialect=dialect,
        name=str(frame.get("type")),
        moved=moved,
        more=tuple(sorted(theirs.keys() - ours.keys())),
        fewer=tuple(sorted(ours.keys() - theirs.keys())),
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths and values of everything that is neither an object nor a list."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{path}[]")
    elif path != "type":
        yield path, value


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _without_common_end(one: str, other: str) -> tuple[str, str]:
    """Two paths without their common end, except for its first name."""
    left, right = one.split("."), other.split(".")
    while min(len(left), len(right)) > 1 and left[-2:] == right[-2:]:
        left.pop()
        right.pop()
    return ".".join(left), ".".join(right)


def _suggestion(name: str) -> str:
    names = [word for entry in catalogue.events() for word in (entry.wire, entry.class_name, *entry.aliases)]
    names += catalogue.types()
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}? " if close else ""


# --- what is printed --------------------------------------------------------------------------------------------------


def _list(entries: tuple[EventEntry, ...]) -> None:
    width = max(len(entry.wire) for entry in entries)
    for group, members in groupby(entries, key=lambda entry: entry.group):
        print(f"\n{catalogue.GROUPS[group]}")
        for entry in members:
            print(f"  {entry.direction}  {entry.wire:{width}}  {entry.class_name}")


def _description(entry: EventEntry) -> Iterator[str]:
    yield f"{entry.wire}  ({entry.direction} event, {entry.api})"
    yield f"  {entry.sent_when}"
    if entry.note:
        yield f"  {entry.note}"
    yield f"  class    {entry.module}.{entry.class_name}"
    yield f"  era      {entry.eras}"
    for title, words in (
        ("aliases", entry.aliases),
        ("over", entry.transports),
        ("answer", entry.answers),
        ("now", () if entry.now is None else (entry.now,)),
    ):
        if words:
            yield f"  {title:8} {', '.join(words)}"
    yield from _fields(entry.fields)
    for field in entry.fields:
        if field.type in catalogue.types():
            yield f"  `duologue events {field.type}` has the fields of {field.name}"
    for spelling in spellings(entry):
        yield from _spelled(spelling)


def _fields(fields: tuple[FieldEntry, ...]) -> Iterator[str]:
    yield "  fields"
    names = max(len(field.name) for field in fields)
    types = max(len(field.type) for field in fields)
    for field in fields:
        yield f"    {field.name:{names}}  {field.type:{types}}  {field.presence:17}  {field.note}".rstrip()


def _type_description(entry: TypeEntry) -> Iterator[str]:
    yield f"{entry.name}  (type inside events)"
    if entry.note:
        yield f"  {entry.note}"
    if entry.class_name != entry.name:
        yield f"  class    {entry.class_name}"
    if entry.era == "beta":
        yield "  era      beta"
    for title, words in (
        ("reads as", () if entry.reads_as is None else (entry.reads_as,)),
        ("one of" if entry.kind == "union" else "means", entry.members),
        ("values", entry.values),
    ):
        if words:
            yield f"  {title:8} {', '.join(words)}"
    if entry.fields:
        yield from _fields(entry.fields)


def _spelled(spelling: DialectSpelling) -> Iterator[str]:
    if spelling.name is None:
        yield f"  {spelling.dialect}: has no such event"
        return
    yield f"  {spelling.dialect}: {spelling.name}"
    for theirs, ours in spelling.moved.items():
        yield f"    {theirs} for {ours}"
    if spelling.more:
        yield f"    more: {', '.join(spelling.more)}"
    if spelling.fewer:
        yield f"    not: {', '.join(spelling.fewer)}"


def _as_json(entry: EventEntry, *, whole: bool) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(entry)
    if whole:
        content["example"] = catalogue.examples()[entry.key]
        content["dialects"] = msgspec.to_builtins(spellings(entry))
    else:
        del content["fields"]
    return content
