"""Reads what the strict decoder refuses, without ever pretending.

The JSON is rewritten along the shape of its class: fields that the class does not have go into `extra`, objects of
an unknown kind into the union's unknown variant. What is left must fit exactly; else the whole event is unknown, and
says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from duologue.codec.aliases import CANONICAL
from duologue.codec.shape import ListShape, ObjectShape, Shape, UnionShape
from duologue.events import Extra, RealtimeEvent, UnknownRealtimeEvent
from duologue.events.base import EXTRA_KEY, UNKNOWN_TAG

__all__ = ["read_object"]


def read_object(fields: dict[str, Any], shapes: Mapping[str, ObjectShape]) -> RealtimeEvent:
    """The event that this JSON object is; `UnknownRealtimeEvent` if it is none, or none that holds together."""
    name = fields.get("type")
    if not isinstance(name, str):
        what = "no `type`" if "type" not in fields else f"`type` is not a string but {_kind(name)}"
        return UnknownRealtimeEvent(json=fields, problem=f"{what} - at `$.type`")
    canonical = CANONICAL.get(name, name)
    shape = shapes.get(canonical)
    if shape is None:
        return UnknownRealtimeEvent(json=fields, problem=f"unknown event type {name!r} - at `$.type`")
    prepared = _prepare_object(fields, shape)
    prepared["type"] = canonical
    try:
        return msgspec.convert(prepared, type=shape.cls)  # type: ignore[return-value]
    except msgspec.ValidationError as fault:
        return UnknownRealtimeEvent(json=fields, problem=str(fault))


def _prepare(value: Any, shape: Shape | None) -> Any:
    match shape:
        case ObjectShape() if isinstance(value, dict):
            return _prepare_object(value, shape)
        case ListShape() if isinstance(value, list):
            return [_prepare(element, shape.element) for element in value]
        case UnionShape() if isinstance(value, dict):
            return _prepare_union(value, shape)
        case UnionShape() if isinstance(value, list):
            return _prepare(value, shape.elements)
        case _:
            return value


def _prepare_object(fields: dict[str, Any], shape: ObjectShape) -> dict[str, Any]:
    prepared: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in shape.names:
            extra[name] = value
        elif name in shape.nested:
            prepared[name] = _prepare(value, shape.nested[name])
        else:
            prepared[name] = value
    if extra:
        prepared[EXTRA_KEY] = Extra(extra)
    return prepared


def _prepare_union(fields: dict[str, Any], union: UnionShape) -> dict[str, Any]:
    tag = fields.get("type")
    member = union.tagged.get(tag) if isinstance(tag, str) else None
    member = member or union.untagged
    if member is not None:
        return _prepare_object(fields, member)
    if union.unknown is not None and _may_be_unknown(fields, union):
        return {"type": UNKNOWN_TAG, "json": Extra(fields)}
    return fields


def _may_be_unknown(fields: dict[str, Any], union: UnionShape) -> bool:
    """Whether the object is of another kind, rather than damaged.

    An object that names no kind counts as one of another kind only where servers leave the name out.
    """
    tag = fields.get("type")
    return isinstance(tag, str) or (tag is None and union.unknown is not None and union.unknown.may_be_untagged)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
