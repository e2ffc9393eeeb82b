"""Projection of an event onto another dialect: its fields without what only the dialect of its origin knows.

Fields and variants without a counterpart in the second dialect are left out, and reported.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET

from duologue.codec.writing import to_plain
from duologue.events import Extra, UnknownVariant, WireObject

__all__ = ["Untranslatable", "project"]


class Untranslatable(Exception):
    """A required part of the event has no counterpart."""


def project(event: WireObject, dialect: str, lost: list[str]) -> dict[str, Any]:
    """The event as plain canonical JSON without what is foreign to `dialect`; paths of that are added to `lost`.

    Raises Untranslatable if what is foreign cannot be left out.
    """
    plain = _project(event, dialect, "", lost)
    assert isinstance(plain, dict)
    return plain


def _project(value: Any, dialect: str, path: str, lost: list[str]) -> Any:
    if isinstance(value, UnknownVariant):
        if _foreign(value.json, dialect):
            lost.append(path.removesuffix("."))
            return UNSET
        return to_plain(value.json)
    if isinstance(value, WireObject):
        return _project_object(value, dialect, path, lost)
    if isinstance(value, list) and any(isinstance(element, WireObject) for element in value):
        place = path.removesuffix(".")
        projected = [_project(element, dialect, f"{place}[{index}].", lost) for index, element in enumerate(value)]
        return [element for element in projected if element is not UNSET]
    return to_plain(value)


def _project_object(value: WireObject, dialect: str, path: str, lost: list[str]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    tag = value.__struct_config__.tag
    if tag is not None and not value.extra.lacks_type:
        plain["type"] = tag
    for field in _fields(type(value)):
        part = getattr(value, field.name)
        if part is UNSET or field.name == "extra":
            continue
        projected = _project(part, dialect, f"{path}{field.encode_name}.", lost)
        if projected is not UNSET:
            plain[field.encode_name] = projected
        elif field.required:
            raise Untranslatable(f"{path}{field.encode_name}")
    if _foreign(value.extra, dialect):
        lost.extend(f"{path}{name}" for name in value.extra)
    else:
        for name, part in value.extra.items():
            plain.setdefault(name, to_plain(part))
    return plain


@cache
def _fields(cls: type[WireObject]) -> tuple[msgspec.structs.FieldInfo, ...]:
    # Cached: msgspec evaluates the annotations on each call, at a hundred times the cost of the rest.
    return msgspec.structs.fields(cls)


def _foreign(extra: Extra, dialect: str) -> bool:
    """Whether fields came in another dialect. Fields that a program set itself belong to every dialect."""
    return extra.dialect is not None and extra.dialect != dialect
