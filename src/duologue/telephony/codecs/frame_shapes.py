"""Frames of plain JSON and their values, by tables: one table reads and writes the frames of a direction.

Kind         a value as JSON writes it, and back
Field        where a value of a struct stands in the frame
Shape        a struct, and its fields
FrameShapes  shapes by the frame's name
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.events.base64_text import decode_base64
from duologue.printable import printable

__all__ = [
    "BASE64",
    "FLAG",
    "KEY",
    "MAX_NUMBER",
    "NUMBER",
    "NUMBER_TEXT",
    "TEXT",
    "TEXTS",
    "Field",
    "FrameFault",
    "FrameShapes",
    "Kind",
    "Shape",
    "json_object",
]

MAX_NUMBER: Final = 2**53
"""JSON numbers beyond it are not exact; no counter of a call comes near."""

_MAX_PARAMETERS: Final = 256
"""Custom parameters of one call; carriers allow far fewer."""

_MAX_QUOTED: Final = 60
"""Characters of a frame that a reason quotes."""

_KEYS: Final = frozenset("0123456789*#ABCD")


class FrameFault(ValueError):
    """A frame is not what its protocol says; the message is why."""


class Kind(Struct, frozen=True):
    """How one kind of value is read from plain JSON, and written as the vendor writes it. `read` raises FrameFault."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


class Field(Struct, frozen=True):
    """A field of a struct, and its place in the frame."""

    name: str
    path: tuple[str, ...]
    kind: Kind
    required: bool = True


class Shape(Struct, frozen=True):
    """A struct as a frame. `constants` are written, and not looked at."""

    kind: type[Struct]
    fields: tuple[Field, ...] = ()
    constants: Mapping[str, Any] = {}
    keeps_details: bool = False
    """The struct keeps the whole frame in its field `details`, and is written on top of it."""


class FrameShapes:
    """Frames of one direction: the name that stands under `tag` says which shape a frame has."""

    def __init__(self, tag: str, shapes: Mapping[str, Shape], *, aliases: Mapping[str, str] | None = None) -> None:
        """`aliases` are names that are read like another one and never written."""
        self.tag = tag
        self._shapes = dict(shapes)
        self._aliases = dict(aliases or {})
        self._names = {shape.kind: name for name, shape in reversed(self._shapes.items())}

    def read(self, frame: Mapping[str, Any]) -> Any:
        """The struct of a frame. Raises FrameFault."""
        name = frame.get(self.tag)
        if not isinstance(name, str):
            raise FrameFault(f"it has no {self.tag!r}")
        shape = self._shapes.get(self._aliases.get(name, name))
        if shape is None:
            raise FrameFault(f"unknown {self.tag} {printable(name, max_characters=_MAX_QUOTED)!r}")
        values: dict[str, Any] = {"details": frame} if shape.keeps_details else {}
        for field in shape.fields:
            found = _at(frame, field.path)
            if found is not None:
                values[field.name] = _read(field, found)
            elif field.required:
                raise FrameFault(f"{name} has no {'.'.join(field.path)}")
        return shape.kind(**values)

    def write(self, value: Struct, also: Mapping[tuple[str, ...], Any] | None = None) -> dict[str, Any]:
        """The frame of a struct, with values at more places. Raises FrameFault for one that this direction has not."""
        name = self._names.get(type(value))
        if name is None:
            raise FrameFault(f"{type(value).__name__} has no frame here")
        shape = self._shapes[name]
        frame: dict[str, Any] = {self.tag: name, **shape.constants}
        if shape.keeps_details:
            frame |= _copied(value.details)  # type: ignore[attr-defined]  # the table says that it has it
        for field in shape.fields:
            found = getattr(value, field.name)
            if field.required or found not in (None, "", {}):
                _put(frame, field.path, field.kind.write(found))
        for path, found in (also or {}).items():
            _put(frame, path, found)
        return frame


def json_object(frame: str | bytes) -> dict[str, Any]:
    """The JSON object that a frame is. Raises FrameFault."""
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise FrameFault(f"not JSON: {printable(str(fault), max_characters=_MAX_QUOTED)}") from None
    if not isinstance(value, dict):
        raise FrameFault("no JSON object")
    return value


def _read(field: Field, found: Any) -> Any:
    try:
        return field.kind.read(found)
    except FrameFault as fault:
        raise FrameFault(f"{'.'.join(field.path)}: {fault}") from None


def _at(frame: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = frame
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _put(frame: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    for name in parents:
        frame = frame.setdefault(name, {})
    frame[last] = value


def _copied(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in details.items()}


# --- kinds


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FrameFault("no text")
    return str(value)


def _number(value: Any) -> int:
    """Carriers write numbers as numbers or as text, and not always as they say."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(MAX_NUMBER)):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise FrameFault("no number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FrameFault("neither true nor false")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise FrameFault("no base64")
    try:
        return decode_base64(value)
    except ValueError:
        raise FrameFault("no base64") from None


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > _MAX_PARAMETERS:
        raise FrameFault("no object of texts")
    return {
        str(name): one if isinstance(one, str) else msgspec.json.encode(one).decode() for name, one in value.items()
    }


def _key(value: Any) -> str:
    key = _text(value).upper()
    if key not in _KEYS:
        raise FrameFault("no key of a telephone")
    return key


TEXT: Final = Kind(_text, _same)
"""A name or an id; numbers are taken as text."""
NUMBER: Final = Kind(_number, _same)
"""A whole number, written as one."""
NUMBER_TEXT: Final = Kind(_number, str)
"""A whole number, written as text."""
FLAG: Final = Kind(_flag, _same)
BASE64: Final = Kind(_bytes, _base64)
TEXTS: Final = Kind(_texts, dict)
"""An object of texts; what else it has is taken as its JSON text."""
KEY: Final = Kind(_key, _same)
"""A key of a telephone."""
