"""What a class expects to find in JSON, as data that the forgiving reader walks along.

Worked out from the classes themselves, once, when the first frame needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct, field, inspect

from duologue.events import RealtimeEvent, UnknownVariant, WireObject
from duologue.events.base import Variant

__all__ = ["ListShape", "ObjectShape", "Shape", "UnionShape", "WholeNumber", "shapes_by_tag"]


class ObjectShape(Struct, frozen=True):
    """An object of one class: its wire names, and the shapes of those fields that hold objects again."""

    cls: type[WireObject]
    names: frozenset[str]
    nested: dict[str, Any] = field(default_factory=dict)


class ListShape(Struct, frozen=True):
    """A list whose elements have a shape."""

    element: Any


class WholeNumber(Struct, frozen=True):
    """An integer, which JSON may spell 24000.0 or 1e3."""


class UnionShape(Struct, frozen=True):
    """Objects with a `type` that selects the class, with a class for unknown types; or one object without a tag."""

    tagged: dict[str, ObjectShape]
    untagged: ObjectShape | None
    without_type: ObjectShape | None
    """The one of `tagged` whose objects may lack their `type`."""
    unknown: type[UnknownVariant] | None
    elements: ListShape | None
    number: WholeNumber | None
    """In the place of an object, and no fraction."""


Shape = ObjectShape | ListShape | UnionShape | WholeNumber


def shapes_by_tag(classes: Mapping[str, type[RealtimeEvent]]) -> Mapping[str, ObjectShape]:
    """The shape of every event class, by wire name."""
    return _shapes_by_tag(tuple(classes.items()))


@cache
def _shapes_by_tag(classes: tuple[tuple[str, type[RealtimeEvent]], ...]) -> Mapping[str, ObjectShape]:
    known: dict[type, ObjectShape] = {}
    infos = inspect.multi_type_info([cls for _, cls in classes])
    return {tag: _object_shape(info, known) for (tag, _), info in zip(classes, infos, strict=True)}


def _object_shape(info: Any, known: dict[type, ObjectShape]) -> ObjectShape:
    if info.cls in known:
        return known[info.cls]
    names = {f.encode_name for f in info.fields if f.name != "extra"}
    if info.tag_field is not None:
        names.add(info.tag_field)
    shape = known[info.cls] = ObjectShape(cls=info.cls, names=frozenset(names))
    for f in info.fields:
        nested = _shape(f.type, known)
        if nested is not None:
            shape.nested[f.encode_name] = nested
    return shape


def _shape(info: Any, known: dict[type, ObjectShape]) -> Shape | None:
    if isinstance(info, inspect.Metadata):
        return _shape(info.type, known)
    if isinstance(info, inspect.StructType):
        return _object_shape(info, known)
    if isinstance(info, inspect.ListType):
        element = _shape(info.item_type, known)
        return None if element is None else ListShape(element)
    if isinstance(info, inspect.IntType):
        return WholeNumber()
    if isinstance(info, inspect.UnionType):
        if any(isinstance(member, inspect.FloatType) for member in info.types):
            return None  # a fraction belongs there as well
        return _union_shape([_shape(member, known) for member in info.types])
    return None


def _union_shape(members: list[Shape | None]) -> Shape | None:
    objects = [member for member in members if isinstance(member, ObjectShape)]
    lists = [member for member in members if isinstance(member, ListShape)]
    numbers = [member for member in members if isinstance(member, WholeNumber)]
    if not objects:
        return lists[0] if lists else numbers[0] if numbers else None
    tagged = {str(tag): shape for shape in objects if (tag := shape.cls.__struct_config__.tag) is not None}
    unknown = [shape.cls for shape in objects if issubclass(shape.cls, UnknownVariant)]
    untagged = [shape for shape in objects if shape.cls.__struct_config__.tag is None]
    return UnionShape(
        tagged={tag: shape for tag, shape in tagged.items() if shape.cls not in unknown},
        untagged=untagged[0] if untagged else None,
        without_type=next((shape for shape in tagged.values() if _may_lack_type(shape.cls)), None),
        unknown=unknown[0] if unknown else None,
        elements=lists[0] if lists else None,
        number=numbers[0] if numbers else None,
    )


def _may_lack_type(cls: type[WireObject]) -> bool:
    return issubclass(cls, Variant) and cls.type_may_be_absent
