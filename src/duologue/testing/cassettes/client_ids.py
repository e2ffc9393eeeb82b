"""Ids that clients make: those of a recording stand for those of the client that it is played to.

A client numbers its events, its items and its requests as it likes, in each run anew. Such an id is known by its place:
`event_id`, `id`, a field that ends in `_id`, and values of `metadata` that look made. Which client made it first, the
server or the client, the recording shows. Ids in the settings of a session name prompts and the like, and are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["SETTINGS", "ClientIds", "ids_in", "is_id"]

SETTINGS: Final = frozenset({"session", "prompt", "tools", "tool_choice"})
"""Fields that hold configuration."""

_MADE_CHARACTERS: Final = range(8, 129)
"""How many a value of `metadata` has that a program made: with fewer, two programs would make the same."""

_MAX_DEPTH: Final = 100
"""Of what is looked through; no event nests deeper than ten."""

_MIN_IN_TEXT: Final = 8
"""Characters of an id that is also looked for inside of texts: shorter ones are parts of words."""


def is_id(field: str, value: object, *, in_metadata: bool) -> bool:
    """Whether a field's value is an id that a client may make."""
    if not isinstance(value, str):
        return False
    return field == "id" or field.endswith("_id") or (in_metadata and _looks_made(value))


def ids_in(event: Mapping[str, Any]) -> Iterator[str]:
    """All ids of an event but its own."""
    for field, value in event.items():
        if field not in SETTINGS and field != "event_id":
            yield from _ids_in(field, value, in_metadata=False, depth=0)


def _ids_in(field: str, value: Any, *, in_metadata: bool, depth: int) -> Iterator[str]:
    match value:
        case str() if is_id(field, value, in_metadata=in_metadata):
            yield value
        case dict() if depth < _MAX_DEPTH:
            within = in_metadata or field == "metadata"
            for name, inner in value.items():
                if name not in SETTINGS:
                    yield from _ids_in(name, inner, in_metadata=within, depth=depth + 1)
        case list() if depth < _MAX_DEPTH:
            for inner in value:
                yield from _ids_in(field, inner, in_metadata=in_metadata, depth=depth + 1)
        case _:
            return


class ClientIds:
    """The ids of one connection: what each id of the recording is now."""

    def __init__(self, made_by_client: frozenset[str]) -> None:
        """`made_by_client` are those ids of the recording that the client used before the server did."""
        self._made_by_client = made_by_client
        self._now: dict[str, str] = {}
        self._recorded: dict[str, str] = {}
        self._events: dict[str, str | None] = {}
        """Ids of events, which have no meaning but in answers to them; None: the event has none now."""

    def copy(self) -> ClientIds:
        """The same ids, to try something with."""
        other = ClientIds(self._made_by_client)
        other._now, other._recorded, other._events = dict(self._now), dict(self._recorded), dict(self._events)
        return other

    def event(self, recorded: object, came: object) -> None:
        """An event of the client has this id now."""
        if isinstance(recorded, str):
            self._events[recorded] = came if isinstance(came, str) else None

    def pair(self, recorded: str, came: str) -> str | None:
        """An id of the recording is this one now. Why it cannot be, in words; None: it can."""
        if (known := self._now.get(recorded)) is not None:
            return None if known == came else f"it stands for {known!r} since an earlier event"
        if recorded not in self._made_by_client:
            return None if recorded == came else "it is an id that the server made"
        if (taken := self._recorded.get(came)) is not None:
            return f"{came!r} stands for {taken!r} already"
        self._now[recorded] = came
        self._recorded[came] = recorded
        return None

    def renamed(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """An event of the server with the ids of now; the same object if it has none of the client's."""
        if not self._now and not self._events:
            return event
        return self._renamed_fields(event, in_metadata=False, depth=0)

    def _renamed_fields(self, fields: Mapping[str, Any], *, in_metadata: bool, depth: int) -> Mapping[str, Any]:
        changed: dict[str, Any] = {}
        for name, value in fields.items():
            if name in SETTINGS or (depth == 0 and name == "event_id"):  # the server's own
                continue
            other = self._renamed(name, value, in_metadata=in_metadata, depth=depth)
            if other is not value:
                changed[name] = other
        return {**fields, **changed} if changed else fields

    def _renamed(self, field: str, value: Any, *, in_metadata: bool, depth: int) -> Any:
        match value:
            case str() if field.endswith("event_id"):
                return self._events.get(value, value)
            case str() if is_id(field, value, in_metadata=in_metadata):
                return self._now.get(value, value)
            case str() if field == "message":
                return self._in_text(value)
            case dict() if depth < _MAX_DEPTH:
                within = in_metadata or field == "metadata"
                return self._renamed_fields(value, in_metadata=within, depth=depth + 1)
            case list() if depth < _MAX_DEPTH:
                items = [self._renamed(field, each, in_metadata=in_metadata, depth=depth + 1) for each in value]
                return value if all(one is other for one, other in zip(items, value, strict=True)) else items
            case _:
                return value

    def _in_text(self, text: str) -> str:
        """The words of an error, which may quote ids."""
        for recorded, now in self._now.items():
            if len(recorded) >= _MIN_IN_TEXT and recorded != now:
                text = _replaced(text, recorded, now)
        return text


def _looks_made(value: str) -> bool:
    """Whether a program made a value rather than a person: long, in one word, with a digit."""
    return (
        len(value) in _MADE_CHARACTERS
        and any(each.isdecimal() for each in value)
        and all(each.isalnum() or each in "_.:-" for each in value)
    )


def _replaced(text: str, word: str, other: str) -> str:
    """The text with another word in the place of one. Where it is a part of a longer word, it stays."""
    first, *rest = text.split(word)
    written = first
    for part in rest:
        is_whole = not _continues(written[-1:]) and not _continues(part[:1])
        written += (other if is_whole else word) + part
    return written


def _continues(character: str) -> bool:
    return character == "_" or character.isalnum()
