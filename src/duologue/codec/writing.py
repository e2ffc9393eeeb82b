"""Events back to plain JSON data, with every field that they came with."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from duologue.dialects.places import as_text, copy_json
from duologue.events import Extra, UnknownRealtimeEvent, UnknownVariant, WireObject

__all__ = ["NotPlain", "reject", "to_plain"]


class NotPlain(Exception):
    """The event holds something that is written field by field: extra fields, or an unknown variant."""


def reject(value: Any) -> str:
    """Encoder hook: raises at what the fast encoder cannot flatten, unless it is text."""
    if isinstance(value, Extra):
        raise NotPlain
    return as_text(value)


def to_plain(value: Any) -> Any:
    """JSON-ready data: dicts, lists, strings, numbers, booleans and None, none of them shared with the event."""
    if isinstance(value, (UnknownRealtimeEvent, UnknownVariant)):
        return to_plain(value.json)
    if isinstance(value, WireObject):
        return _object_to_plain(value)
    if isinstance(value, Extra):
        return {key: copy_json(element) for key, element in value.items()}
    if isinstance(value, list) and any(isinstance(element, WireObject) for element in value):
        return [to_plain(element) for element in value]
    return copy_json(value)


def _object_to_plain(value: WireObject) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    tag = value.__struct_config__.tag
    if tag is not None and not value.extra.lacks_type:
        plain["type"] = tag
    for attribute, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
        field = getattr(value, attribute)
        if field is not UNSET and attribute != "extra":
            plain[name] = to_plain(field)
    for name, field in value.extra.items():
        plain.setdefault(name, to_plain(field))
    return plain
