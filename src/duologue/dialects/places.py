"""Places inside a JSON frame, written as dotted paths: `session.audio.input`, `response.output[].content[]`."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

__all__ = ["ABSENT", "Json", "as_text", "copy_json", "find", "objects_at", "put", "take"]

Json: TypeAlias = dict[str, Any]

_STEP: Final = re.compile(r"(?P<name>\w+)(?P<many>\[\])?(?:\[(?P<field>\w+)=(?P<value>[^\]]+)\])?")


class _Absent:
    """Stands for a value that is not there, where None would be a JSON null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def copy_json(value: Any) -> Any:
    """A copy whose containers are its own; strings, audio among them, are shared."""
    # In C, and so as deep as the parser itself goes.
    return msgspec.to_builtins(value, str_keys=True, enc_hook=as_text)


def as_text(value: Any) -> str:
    """What msgspec does not know as JSON: an object of a subclass of `str` is a string, anything else is an error.

    Raises:
        TypeError: it is no string.
    """
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def objects_at(frame: Any, path: str) -> list[Json]:
    """Every object at a path, the empty path being the frame itself.

    `name[]` stands for each object of a list, `[type=message]` behind a step for those in which a field has a value.
    """
    places: list[Any] = [frame] if isinstance(frame, dict) else []
    for step in _steps(path):
        inner: list[Any] = [place.get(step.name) for place in places]
        if step.many:
            inner = [element for value in inner if isinstance(value, list) for element in value]
        places = [place for place in inner if isinstance(place, dict) and step.admits(place)]
    return places


class _Step(NamedTuple):
    """One step of a path."""

    name: str
    many: bool
    field: str | None
    value: str | None

    def admits(self, place: Json) -> bool:
        return self.field is None or place.get(self.field) == self.value


@cache
def _steps(path: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    start = 0
    while start < len(path):
        found = _STEP.match(path, start)
        if found is None or path[found.end() : found.end() + 1] not in ("", "."):
            raise ValueError(f"not a step of a path: {path[start:]!r}")
        start = found.end() + 1
        steps.append(_Step(found["name"], found["many"] is not None, found["field"], found["value"]))
    return tuple(steps)


def find(obj: Json, path: str) -> Any:
    """The value at a path without lists; ABSENT if there is none."""
    value: Any = obj
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return ABSENT
        value = value[name]
    return value


def put(obj: Json, path: str, value: Any) -> bool:
    """Set the value at a path, making the objects on the way. False where something else is in the way."""
    *way, last = path.split(".")
    place: Any = obj
    for name in way:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            return False
    place[last] = value
    return True


def take(obj: Json, path: str) -> Any:
    """Remove the value at a path, and the objects that are empty without it; ABSENT if there was none."""
    first, _, rest = path.partition(".")
    if not rest:
        return obj.pop(first, ABSENT)
    inner = obj.get(first)
    if not isinstance(inner, dict):
        return ABSENT
    value = take(inner, rest)
    if value is not ABSENT and not inner:
        del obj[first]
    return value
