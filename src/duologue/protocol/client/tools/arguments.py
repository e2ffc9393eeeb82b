"""The types of a function's parameters: each as a JSON schema, and as what reads the model's value of it.

msgspec does it for the plain types, `Literal`, enumerations, dataclasses, typed dicts and its own structs; pydantic for
its models, and wherever one of its annotations stands inside a type. It is never imported for anything else.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Protocol, get_args, get_origin, get_type_hints, is_typeddict

import msgspec
from msgspec import Struct

from duologue.protocol.client.tools.docstrings import describe

__all__ = ["ArgumentFault", "ArgumentType", "argument_type", "comment_in", "is_pydantic"]

_DEFS: Final = "#/$defs/{name}"
_MSGSPEC_PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_PYDANTIC: Final = ("pydantic", "pydantic_core", "annotated_types")
"""Modules of annotations that pydantic alone understands."""


class ArgumentFault(ValueError):
    """A value does not fit its parameter. `faults` are places within it (`.city`, `[0]`, empty for all of it)."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{place}: {words}" for place, words in faults))
        self.faults = faults


class ArgumentType(Protocol):
    """The type of a parameter."""

    schema: dict[str, Any]
    """Of the parameter itself."""
    defs: dict[str, Any]
    """The schemas that it refers to, as `#/$defs/NAME`."""

    def read(self, text: bytes) -> Any:
        """The value that a JSON text describes.

        Raises:
            ArgumentFault: it does not fit the type.
        """
        ...


def argument_type(hint: Any) -> ArgumentType:
    """What an annotation means.

    Raises:
        TypeError: no JSON can be of this type.
    """
    argument = _PydanticArgument(hint) if is_pydantic(hint) else _MsgspecArgument(hint)
    for cls in dict.fromkeys(_classes_in(hint)):
        _comment(argument, cls)
    if (comment := comment_in(hint)) is not None:
        argument.schema.setdefault("description", comment)
    return argument


def comment_in(hint: Any) -> str | None:
    """The text of `Annotated[int, "how many"]` and `Annotated[int, Doc("how many")]`; None without one."""
    if get_origin(hint) is Annotated:
        for metadata in hint.__metadata__:
            text = metadata if isinstance(metadata, str) else getattr(metadata, "documentation", None)
            if isinstance(text, str):
                return text
    if isinstance(hint, type) or get_origin(hint) in (list, dict, tuple, set, frozenset):
        return None  # what is said there is about the elements
    return next((text for part in get_args(hint) if (text := comment_in(part)) is not None), None)


def is_pydantic(hint: Any) -> bool:
    """Whether pydantic must read this type: it, or something inside it, is pydantic's."""
    return any(_is_pydantics_own(part) for part in _parts(hint, set()))


def _is_pydantics_own(part: Any) -> bool:
    if any(hasattr(part, name) for name in ("__pydantic_validator__", "__get_pydantic_core_schema__")):
        return True
    return type(part).__module__.split(".")[0] in _PYDANTIC


def _parts(hint: Any, seen: set[int]) -> Iterator[Any]:
    """The type, what it is made of, its annotations, and the types of its fields."""
    if id(hint) in seen:
        return
    seen.add(id(hint))
    yield hint
    inner = [*get_args(hint), *getattr(hint, "__metadata__", ())]
    if _has_fields(hint) and not issubclass(hint, Struct):
        inner += _field_hints(hint).values()
    for part in inner:
        yield from _parts(part, seen)


def _has_fields(hint: Any) -> bool:
    return isinstance(hint, type) and (
        dataclasses.is_dataclass(hint)
        or is_typeddict(hint)
        or issubclass(hint, Struct)
        or hasattr(hint, "__pydantic_validator__")
        or (issubclass(hint, tuple) and hasattr(hint, "_fields"))
    )


def _field_hints(cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(cls, include_extras=True)
    except (NameError, TypeError):  # a name that only the class's own scope knows: its fields have no comments
        return {}


def _classes_in(hint: Any) -> Iterator[type]:
    return (part for part in _parts(hint, set()) if _has_fields(part))


def _comment(argument: ArgumentType, cls: type) -> None:
    """Add what the annotations and the docstring of a class say about its fields."""
    schemas = [argument.defs.get(cls.__name__), argument.schema]
    schema = next((each for each in schemas if each is not None and each.get("title") == cls.__name__), None)
    if schema is None:
        return
    doc = describe(inspect.getdoc(cls) or "") if cls.__doc__ else None
    for name, hint in _field_hints(cls).items():
        about = schema.get("properties", {}).get(name)
        comment = comment_in(hint) or (doc.entries.get(name) if doc is not None else None)
        if isinstance(about, dict) and comment:
            about.setdefault("description", comment)
    if doc is not None and doc.entries:
        schema["description"] = doc.text


class _MsgspecArgument:
    def __init__(self, hint: Any) -> None:
        try:
            (self.schema,), self.defs = msgspec.json.schema_components([hint], ref_template=_DEFS)
            self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(hint)
        except (TypeError, NotImplementedError) as fault:
            raise TypeError(str(fault)) from fault

    def read(self, text: bytes) -> Any:
        try:
            return self._decoder.decode(text)
        except msgspec.ValidationError as fault:
            sentence = str(fault)
            place = _MSGSPEC_PLACE.search(sentence)
            words = _MSGSPEC_PLACE.sub("", sentence).replace("`", "")
            raise ArgumentFault([(place["path"] if place else "", words)]) from fault


class _PydanticArgument:
    def __init__(self, hint: Any) -> None:
        try:
            from pydantic import TypeAdapter, ValidationError
        except ImportError as fault:
            raise TypeError(f"{hint!r} needs pydantic 2, which is not installed") from fault
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(hint)
            self.schema: dict[str, Any] = self._adapter.json_schema(ref_template="#/$defs/{model}")
        except (RuntimeError, TypeError, NameError, ValueError) as fault:  # its errors have these bases
            raise TypeError(str(fault)) from fault
        self.defs: dict[str, Any] = self.schema.pop("$defs", {})
        self._invalid = ValidationError

    def read(self, text: bytes) -> Any:
        try:
            return self._adapter.validate_json(text)
        except self._invalid as fault:
            errors = fault.errors(include_url=False, include_input=False, include_context=False)
            raise ArgumentFault([(_place(error["loc"]), error["msg"]) for error in errors]) from fault


def _place(steps: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
