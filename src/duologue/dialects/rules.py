"""The ways in which a dialect differs from the canonical model, each a small reversible rule over plain JSON.

`read` turns a vendor's frame into the canonical one, `write` turns it back; both work in place. A rule that meets
what it does not expect leaves it as it came. No rule has to be reversible for every value: a frame that would not come
back as it was is kept whole (see `profile`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from msgspec import Struct

from duologue.dialects.places import ABSENT, Json, copy_json, find, objects_at, put, take

__all__ = [
    "Constant",
    "Default",
    "DialectRule",
    "Hook",
    "Lacks",
    "Move",
    "Placeholder",
    "Rename",
    "Respell",
    "Values",
    "same",
]

Values = tuple[tuple[Any, Any], ...]
"""Pairs of their spelling and ours; of several with the same spelling on the other side the first one counts."""


class DialectRule(Protocol):
    """One difference."""

    def read(self, frame: Json) -> None:
        """Vendor to canonical, in place."""
        ...

    def write(self, frame: Json, lost: list[str]) -> None:
        """Canonical to vendor, in place; what has no counterpart is taken out and its path appended to `lost`."""
        ...


class Move(Struct, frozen=True):
    """A field stands elsewhere, and may spell its values otherwise: `voice` for `audio.output.voice`."""

    at: str
    """Path of the objects that the rule is about."""
    theirs: str
    ours: str
    values: Values = ()
    reads_only: bool = False
    """Their field is one of several spellings, and not the one to write."""

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            value = find(obj, self.theirs)
            if value is not ABSENT and find(obj, self.ours) is ABSENT:
                spelled = next((copy_json(ours) for theirs, ours in self.values if same(theirs, value)), value)
                take(obj, self.theirs)
                if not put(obj, self.ours, spelled):
                    put(obj, self.theirs, value)

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in () if self.reads_only else objects_at(frame, self.at):
            value = take(obj, self.ours)
            if value is not ABSENT:
                spelled = next((copy_json(theirs) for theirs, ours in self.values if same(ours, value)), value)
                if not put(obj, self.theirs, spelled):
                    put(obj, self.ours, value)


class Rename(Struct, frozen=True):
    """Fields have other names, in the same object."""

    at: str
    names: Mapping[str, str]
    """Their name to ours."""

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            for theirs, ours in self.names.items():
                if theirs in obj and ours not in obj:
                    obj[ours] = obj.pop(theirs)

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in objects_at(frame, self.at):
            for theirs, ours in self.names.items():
                if ours in obj and theirs not in obj:
                    obj[theirs] = obj.pop(ours)


class Constant(Struct, frozen=True):
    """A field that they leave out because it always has one value for them."""

    at: str
    field: str
    value: Any

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            obj.setdefault(self.field, copy_json(self.value))

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in objects_at(frame, self.at):
            if same(obj.get(self.field, ABSENT), self.value):
                del obj[self.field]


class Default(Struct, frozen=True):
    """A field that they leave out, by their documentation or as observed; written where it differs from the default.

    Null counts as absent: no required field may be null.
    """

    at: str
    field: str
    value: Any
    """What is read where the field is absent: an empty id, an index of 0, null."""
    always_written: bool = False
    """Written even if it equals the default, because that is an ordinary value: an index of 0."""

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            if obj.get(self.field) is None:
                obj[self.field] = copy_json(self.value)

    def write(self, frame: Json, lost: list[str]) -> None:
        if not self.always_written:
            Constant(self.at, self.field, self.value).write(frame, lost)


class Placeholder(Struct, frozen=True):
    """A field holds words that stand for something else, which is what is written: "unimplemented" for null."""

    at: str
    field: str
    values: Values

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            value = obj.get(self.field, ABSENT)
            for theirs, ours in self.values:
                if same(theirs, value):
                    obj[self.field] = copy_json(ours)
                    break

    def write(self, frame: Json, lost: list[str]) -> None:
        return


class Respell(Struct, frozen=True):
    """A field spells its words otherwise: a part of type `text` for `output_text`."""

    at: str
    field: str
    words: Mapping[str, str]
    """Their word to ours."""

    def read(self, frame: Json) -> None:
        self._respell(frame, self.words)

    def write(self, frame: Json, lost: list[str]) -> None:
        self._respell(frame, {ours: theirs for theirs, ours in self.words.items()})

    def _respell(self, frame: Json, words: Mapping[str, str]) -> None:
        for obj in objects_at(frame, self.at):
            word = obj.get(self.field)
            if isinstance(word, str) and word in words:
                obj[self.field] = words[word]


class Lacks(Struct, frozen=True):
    """Canonical fields for which they have no counterpart."""

    at: str
    fields: tuple[str, ...]

    def read(self, frame: Json) -> None:
        return

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in objects_at(frame, self.at):
            for field in self.fields:
                lost.extend(_leaves(take(obj, field), f"{self.at}.{field}" if self.at else field))


class Hook(Struct, frozen=True):
    """What a table cannot say."""

    reads: Callable[[Json], None]
    writes: Callable[[Json], None]

    def read(self, frame: Json) -> None:
        self.reads(frame)

    def write(self, frame: Json, lost: list[str]) -> None:
        self.writes(frame)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON, at every depth: 1 and 1.0 are one number, and true is none."""
    pairs = [(one, other)]
    # Not by recursion: a frame may be nested as deeply as the parser goes, and Python goes less deep.
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            pairs.extend((value, right[key]) for key, value in left.items())
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif left != right or isinstance(left, bool) is not isinstance(right, bool):
            return False
    return True


def _leaves(value: Any, path: str) -> Iterator[str]:
    """The path of every value inside; an object without fields says nothing."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}")
    elif value is not ABSENT:
        yield path
