"""JSON schemas that a program gives for its functions: what the model sends is checked, and passed as a dict.

Of JSON Schema the words are understood that describe the shape of an object: `type`, `enum`, `const`, `properties`,
`required`, `additionalProperties`, `items`. Others are for the model alone; the function checks what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

__all__ = ["faults_in"]

_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: not isinstance(value, bool) and (isinstance(value, int) or _is_whole(value)),
    "number": lambda value: not isinstance(value, bool) and isinstance(value, int | float),
}


def faults_in(value: Any, schema: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Where and how a value does not have the shape that a schema describes."""
    if not isinstance(schema, Mapping):
        return  # true, or no schema at all
    types = schema.get("type")
    names = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    if names and all(name in _TYPES for name in names) and not any(_TYPES[name](value) for name in names):
        yield place, f"expected {' or '.join(map(str, names))}"
        return
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(allowed, list) and not any(each == value and type(each) is type(value) for each in allowed):
        yield place, f"it must be one of {', '.join(map(repr, allowed))}"
    if isinstance(value, dict):
        yield from _faults_in_object(value, schema, place)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from faults_in(element, schema.get("items"), f"{place}[{index}]")


def _faults_in_object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    for name in schema.get("required") or ():
        if name not in value:
            yield f"{place}.{name}", "it is missing"
    for name, inner in value.items():
        if name in properties:
            yield from faults_in(inner, properties[name], f"{place}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{place}.{name}", "there is no such parameter"


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()
