"""JSON schemas that a program gives for its functions: what the model sends is checked, and passed as a dict.

Of JSON Schema the words are understood that describe the shape of an object: `type`, `enum`, `const`, `properties`,
`required`, `additionalProperties`, `items`. Others are for the model alone; the function checks what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

__all__ = ["check_schema", "faults_in"]

_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: not isinstance(value, bool) and (isinstance(value, int) or _is_whole(value)),
    "number": lambda value: not isinstance(value, bool) and isinstance(value, int | float),
}


def check_schema(parameters: object, name: str) -> None:
    """Check that a JSON schema can be that of a function's parameters.

    Raises:
        TypeError: it is no mapping, or a part of it has no shape that a schema has.
        ValueError: it describes something else than an object.
    """
    if not isinstance(parameters, Mapping):
        raise TypeError(f"{name}: parameters are a JSON schema, a dict, not {type(parameters).__name__}")
    if (kind := parameters.get("type", "object")) != "object":
        raise ValueError(f"{name}: the schema of parameters has the type 'object', not {kind!r}")
    if not isinstance(parameters.get("properties", {}), Mapping):
        raise TypeError(f"{name}: properties of a JSON schema are a dict, a schema for each parameter")
    required = parameters.get("required", [])
    if not isinstance(required, list | tuple) or not all(isinstance(each, str) for each in required):
        raise TypeError(f"{name}: required in a JSON schema is a list of names")


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
