"""Places inside a JSON frame, written as dotted paths: `session.audio.input`, `response.output[].content[]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

__all__ = ["ABSENT", "Json", "copy_json", "find", "objects_at", "put", "take"]

Json: TypeAlias = dict[str, Any]


class _Absent:
    """Stands for a value that is not there, where None would be a JSON null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def copy_json(value: Any) -> Any:
    """A copy whose containers are its own; strings, audio among them, are shared."""
    if isinstance(value, dict):
        return {key: copy_json(element) for key, element in value.items()}
    if isinstance(value, list):
        return [copy_json(element) for element in value]
    return value


def objects_at(frame: Any, path: str) -> Iterator[Json]:
    """Every object at a path; `[]` stands for each element of a list, the empty path for the frame itself."""
    step, _, rest = path.partition(".")
    if not step:
        if isinstance(frame, dict):
            yield frame
        return
    if not isinstance(frame, dict):
        return
    value = frame.get(step.removesuffix("[]"))
    elements = value if step.endswith("[]") and isinstance(value, list) else [value]
    for element in elements:
        yield from objects_at(element, rest)


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
