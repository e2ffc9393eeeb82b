"""Rules about values that are bare on one side and an object on the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from duologue.dialects.places import ABSENT, Json, copy_json, find, objects_at, put, take
from duologue.dialects.rules import Values, same

__all__ = ["Format", "Unwrap", "Wrap"]


class Format(Struct, frozen=True):
    """An audio format is one word for them and an object for us: `"pcm16"`, in another place.

    A word that is not in the table becomes an object of that type, so that it is read as an unknown format.
    """

    at: str
    theirs: str
    ours: str
    words: Values

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            value = obj.get(self.theirs, ABSENT)
            if value is ABSENT or find(obj, self.ours) is not ABSENT:
                continue
            if put(obj, self.ours, self._object(value)):
                del obj[self.theirs]

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in objects_at(frame, self.at):
            value = take(obj, self.ours)
            if value is ABSENT:
                continue
            word = self._word(value)
            if word is ABSENT:
                lost.append(f"{self.at}.{self.ours}" if self.at else self.ours)
            else:
                obj[self.theirs] = word

    def _object(self, word: Any) -> Any:
        if not isinstance(word, str):
            return word
        return next((copy_json(ours) for theirs, ours in self.words if theirs == word), {"type": word})

    def _word(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        word = next((theirs for theirs, ours in self.words if same(ours, value)), None)
        if word is not None:
            return word
        kind = value.get("type")
        return kind if len(value) == 1 and isinstance(kind, str) and "/" not in kind else ABSENT


class Wrap(Struct, frozen=True):
    """Their bare string is one field of an object for us: an `error` that is its message."""

    at: str
    field: str
    into: str

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            value = obj.get(self.field)
            if isinstance(value, str):
                obj[self.field] = {self.into: value}

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in objects_at(frame, self.at):
            value = obj.get(self.field)
            if isinstance(value, dict) and isinstance(value.get(self.into), str):
                obj[self.field] = value.pop(self.into)
                place = f"{self.at}.{self.field}" if self.at else self.field
                # Null is no loss.
                lost.extend(f"{place}.{name}" for name, other in value.items() if other is not None)


class Unwrap(Struct, frozen=True):
    """Their object of a certain kind is a bare string for us: a voice by its name."""

    at: str
    field: str
    inner: str
    constants: Mapping[str, Any]
    """The object's other fields, always the same."""

    def read(self, frame: Json) -> None:
        for obj in objects_at(frame, self.at):
            value = obj.get(self.field)
            if isinstance(value, dict) and isinstance(value.get(self.inner), str):
                rest = {name: other for name, other in value.items() if name != self.inner}
                if same(rest, dict(self.constants)):
                    obj[self.field] = value[self.inner]

    def write(self, frame: Json, lost: list[str]) -> None:
        for obj in objects_at(frame, self.at):
            value = obj.get(self.field)
            if isinstance(value, str):
                obj[self.field] = {**self.constants, self.inner: value}
