"""What a callable can be called with: functions, methods, partials and objects with `__call__`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import UNSET, Struct, UnsetType

from duologue.protocol.client.tools.arguments import ArgumentType, argument_type, is_pydantic
from duologue.protocol.client.tools.docstrings import Description, describe
from duologue.protocol.client.tools.injection import Injectable, injectable_in

__all__ = ["Parameter", "Signature", "description_of", "is_async", "name_of", "signature_of"]


class Parameter(Struct, frozen=True):
    """A parameter that the model gives a value to."""

    name: str
    type: ArgumentType
    required: bool
    default: Any
    positional_only: bool


class Signature(Struct, frozen=True):
    """The parameters of a function."""

    parameters: tuple[Parameter, ...]
    injected: dict[str, type[Injectable]]
    """Parameters to which the conversation gives a value, and the class of it."""

    def schema(self, described: dict[str, str]) -> dict[str, Any]:
        """One object, with the types that it refers to under `$defs`."""
        properties: dict[str, Any] = {}
        defs: dict[str, Any] = {}
        for parameter in self.parameters:
            schema = dict(parameter.type.schema)
            if not parameter.required and (default := _plain(parameter.default)) is not UNSET:
                schema.setdefault("default", default)
            if text := described.get(parameter.name):
                schema.setdefault("description", text)
            properties[parameter.name] = schema
            for name, definition in parameter.type.defs.items():
                if defs.setdefault(name, definition) != definition:
                    raise TypeError(f"two types are called {name!r}: rename one of them")
        required = [parameter.name for parameter in self.parameters if parameter.required]
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {**schema, "$defs": defs} if defs else schema


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, of the method or the function behind a partial, or of an object's class."""
    target = _behind_partials(function)
    return str(getattr(target, "__name__", type(target).__name__))


def description_of(function: Callable[..., Any]) -> Description:
    """What the docstring says: of the function itself, or of an object's `__call__`, or of its class."""
    target = _behind_partials(function)
    if _is_object(target):
        return describe(inspect.getdoc(type(target).__call__) or inspect.getdoc(type(target)) or "")
    return describe(inspect.getdoc(target) or "")


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it makes a coroutine."""
    target = _behind_partials(function)
    return inspect.iscoroutinefunction(type(target).__call__ if _is_object(target) else target)


def signature_of(function: Callable[..., Any], name: str) -> Signature:
    """The parameters of a function, with their types. What a partial has bound already is not among them.

    Raises:
        TypeError: a parameter has no annotation, or one that no schema can describe, or is of the kind `*args`.
    """
    target = _behind_partials(function)
    bound = set[str]()
    wrapped: Any = function
    while isinstance(wrapped, functools.partial):
        bound |= wrapped.keywords.keys()
        wrapped = wrapped.func
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        raise TypeError(f"{name}: a generator has no one result for the model; return a list")
    hints = _hints(target, name)
    parameters: list[Parameter] = []
    injected: dict[str, type[Injectable]] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in bound:
            continue
        hint = hints.get(parameter.name)
        if hint is not None and (cls := injectable_in(hint)) is not None:
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                raise TypeError(
                    f"{name}: parameter {parameter.name!r} is passed by name, so it cannot be positional-only"
                )
            injected[parameter.name] = cls
        else:
            parameters.append(_parameter(parameter, hint, name))
    return Signature(parameters=tuple(parameters), injected=injected)


def _parameter(parameter: inspect.Parameter, hint: Any, function: str) -> Parameter:
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise TypeError(f"{function}: parameter {parameter} has no fixed schema; name what it may be called with")
    if hint is None:
        raise TypeError(f"{function}: parameter {parameter.name!r} has no annotation, so no schema can be made")
    default, required = parameter.default, parameter.default is inspect.Parameter.empty
    if type(default).__module__ == "pydantic.fields":  # count: int = Field(5, ge=1)
        hint, required = Annotated[hint, default], default.is_required()
        default = None if required else default.get_default(call_default_factory=True)
    try:
        kind = argument_type(hint)
    except TypeError as fault:
        raise TypeError(
            f"{function}: a parameter's type cannot be described as JSON: {parameter.name!r}: {_last_line(fault)}"
        ) from fault
    return Parameter(
        name=parameter.name,
        type=kind,
        required=required,
        default=default,
        positional_only=parameter.kind is inspect.Parameter.POSITIONAL_ONLY,
    )


def _hints(target: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        if inspect.isclass(target):
            return get_type_hints(target.__init__, include_extras=True)
        method: Any = type(target).__call__ if _is_object(target) else target
        return get_type_hints(method, include_extras=True)
    except NameError as fault:
        raise TypeError(f"{name}: an annotation names what only the function's own scope knows: {fault}") from fault


def _behind_partials(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _is_object(target: Any) -> bool:
    return not (inspect.isroutine(target) or inspect.isclass(target))


def _plain(default: Any) -> Any:
    """A default as JSON; UNSET if it cannot be written so: then the schema does without it."""
    if isinstance(default, UnsetType):
        return UNSET
    try:
        return default.model_dump(mode="json") if is_pydantic(type(default)) else msgspec.to_builtins(default)
    except (TypeError, ValueError):
        return UNSET


def _last_line(fault: Exception) -> str:
    """What a library says of the type itself, without what it proposes to those who call it."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[-1]
