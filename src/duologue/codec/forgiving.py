"""Reads what the strict decoder rejects, without inventing values.

The JSON is rewritten along the shape of its class: fields that the class does not have go into `extra`, objects of
an unknown kind into the union's unknown variant, 24000.0 becomes the integer that it is. What is left must fit exactly;
else the whole event is unknown, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from duologue.codec.shape import ListShape, ObjectShape, Shape, UnionShape, WholeNumber
from duologue.dialects.names import CANONICAL
from duologue.events import AnyEvent, Extra, UnknownRealtimeEvent
from duologue.events.base import EXTRA_KEY, UNKNOWN_TAG

__all__ = ["ForgivingReader"]


class ForgivingReader:
    """Reads plain JSON objects that came in one dialect and have its canonical form.

    Without a dialect, a program has made them: their fields belong to every dialect.
    """

    def __init__(self, shapes: Mapping[str, ObjectShape], dialect: str | None) -> None:
        self._shapes = shapes
        self._dialect = dialect

    def read(self, fields: dict[str, Any], *, frame: Mapping[str, Any] | None = None) -> AnyEvent:
        """The event that this object is; `UnknownRealtimeEvent` if it is none, or none that holds together.

        `frame` is kept with a typed event, to be written back in the same dialect.
        """
        name = fields.get("type")
        if not isinstance(name, str):
            what = "no `type`" if "type" not in fields else f"`type` is not a string but {_kind(name)}"
            return UnknownRealtimeEvent(json=fields, problem=f"{what} - at `$.type`")
        canonical = CANONICAL.get(name, name)
        shape = self._shapes.get(canonical)
        if shape is None:
            return UnknownRealtimeEvent(json=fields, problem=f"unknown event type {name!r} - at `$.type`")
        prepared = self._object(fields, shape, frame=frame)
        prepared["type"] = canonical
        try:
            event: AnyEvent = msgspec.convert(prepared, type=shape.cls)  # type: ignore[assignment]
        except msgspec.ValidationError as fault:
            return UnknownRealtimeEvent(json=fields, problem=_with_place(str(fault)))
        except UnicodeError:
            # The converter raises this for a lone surrogate in a string that it has to convert.
            return UnknownRealtimeEvent(
                json=fields, problem="a string with a lone surrogate is not what belongs there - at `$`"
            )
        return event

    def _prepare(self, value: Any, shape: Shape | None) -> Any:
        match shape:
            case ObjectShape() if isinstance(value, dict):
                return self._object(value, shape)
            case ListShape() if isinstance(value, list):
                return [self._prepare(element, shape.element) for element in value]
            case UnionShape() if isinstance(value, dict):
                return self._variant(value, shape)
            case UnionShape() if isinstance(value, list):
                return self._prepare(value, shape.elements)
            case WholeNumber() if isinstance(value, float) and value.is_integer():
                return int(value)
            case UnionShape() if isinstance(value, float):
                return self._prepare(value, shape.number)
            case _:
                return value

    def _object(
        self,
        fields: dict[str, Any],
        shape: ObjectShape,
        *,
        frame: Mapping[str, Any] | None = None,
        lacks_type: bool = False,
    ) -> dict[str, Any]:
        prepared: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, value in fields.items():
            if name not in shape.names:
                extra[name] = value
            elif isinstance(value, (dict, list, float)) and name in shape.nested:
                prepared[name] = self._prepare(value, shape.nested[name])
            else:
                prepared[name] = value
        if extra or frame is not None or lacks_type:
            prepared[EXTRA_KEY] = Extra(extra, dialect=self._dialect, frame=frame, lacks_type=lacks_type)
        return prepared

    def _variant(self, fields: dict[str, Any], union: UnionShape) -> dict[str, Any]:
        tag = fields.get("type")
        member = union.tagged.get(tag) if isinstance(tag, str) else None
        if union.without_type is not None and "type" not in fields:
            prepared = self._object(fields, union.without_type, lacks_type=True)
            return {**prepared, "type": union.without_type.cls.__struct_config__.tag}
        member = member or union.untagged
        if member is not None:
            return self._object(fields, member)
        if union.unknown is not None and (isinstance(tag, str) or (tag is None and union.unknown.may_be_untagged)):
            return {"type": UNKNOWN_TAG, "json": Extra(fields, dialect=self._dialect)}
        return fields


def _with_place(problem: str) -> str:
    """The decoder library's sentence, which leaves the place out where it is the root."""
    return problem if " - at `" in problem else f"{problem} - at `$`"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
