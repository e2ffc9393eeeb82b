"""Python functions that the model may call: their schemas, and the validation of its arguments.

    tools = Toolbox()

    @tools.add
    def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
        \"\"\"The weather in a city.

        Args:
            city: Its name, without the country.
        \"\"\"

Parameters may have any type that msgspec can validate: the plain ones, `Literal`, enumerations, optional ones, lists
and dicts, dataclasses, typed dicts and msgspec structs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar, get_type_hints

import msgspec
from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.events import FunctionTool

__all__ = ["BoundCall", "ToolFunction", "ToolProblem", "Toolbox", "answer_text"]

F = TypeVar("F", bound=Callable[..., Any])

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Names that the hosted service accepts for functions."""

_SECTION: Final = re.compile(r"^\s*(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$")
_PARAMETER: Final = re.compile(r"^(\s*)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


class ToolProblem(Exception):
    """A call that cannot be made. The message is sent to the model, so that it can correct the call."""


class ToolFunction(Struct, frozen=True):
    """A function as the model sees it."""

    name: str
    function: Callable[..., Any]
    tool: FunctionTool
    arguments: type[Struct]
    """The function's parameters as a struct, which the model's arguments must match exactly."""

    @property
    def is_async(self) -> bool:
        """Whether calling the function makes a coroutine."""
        return inspect.iscoroutinefunction(self.function)


class BoundCall(Struct, frozen=True):
    """A call that can be made: `function(*args, **kwargs)`."""

    tool: ToolFunction
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __call__(self) -> Any:
        """Make the call; for an async function this is its coroutine."""
        return self.tool.function(*self.args, **self.kwargs)


class Toolbox:
    """Functions by name.

    Raises:
        TypeError: a function has a parameter that no schema can describe.
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._functions: dict[str, ToolFunction] = {}
        for function in functions:
            self.add(function)

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[ToolFunction]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    @property
    def tools(self) -> list[FunctionTool]:
        """The functions for a session's configuration: the value of its `tools`."""
        return [function.tool for function in self]

    def add(self, function: F, *, name: str | None = None, description: str | None = None) -> F:
        """Offer a function; returns it, so that this decorates. The docstring describes it and its parameters.

        Raises:
            TypeError: a parameter has no annotation, or one that no schema can describe, or is of the kind `*args`.
            ValueError: the name is taken, or the wire does not allow it.
        """
        name = name or str(getattr(function, "__name__", ""))
        if not _NAME.fullmatch(name):
            raise ValueError(f"a function's name is 1 to 64 letters, digits, '_' or '-', not {name!r}")
        if name in self._functions:
            raise ValueError(f"there is a function {name!r} already")
        summary, described = _read_docstring(inspect.getdoc(function) or "")
        arguments = _arguments_struct(function, name)
        tool = FunctionTool(
            name=name, description=description or summary, parameters=_schema(arguments, name, described)
        )
        self._functions[name] = ToolFunction(name, function, tool, arguments)
        return function

    def bind(self, name: str, arguments: str) -> BoundCall:
        """The call that the model asks for.

        Raises:
            ToolProblem: there is no such function, or the arguments are not JSON that matches its parameters.
        """
        tool = self._functions.get(name)
        if tool is None:
            known = ", ".join(self._functions) or "none"
            raise ToolProblem(f"There is no function {name!r}. Available functions: {known}.")
        try:
            read = msgspec.json.decode(arguments, type=tool.arguments)
        except msgspec.ValidationError as fault:
            raise ToolProblem(
                f"The arguments of {name} do not fit its parameters: {fault}. Nothing was done."
            ) from fault
        except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
            raise ToolProblem(
                f"The arguments of {name} are not a JSON object: {fault}. Nothing was done; call it again."
            ) from fault
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter in inspect.signature(tool.function).parameters.values():
            value = getattr(read, parameter.name)
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                args.append(value)
            else:
                kwargs[parameter.name] = value
        return BoundCall(tool, tuple(args), kwargs)


def answer_text(result: Any) -> str:
    """A function's result as the model reads it: text as it is, anything else as JSON.

    Raises:
        TypeError: it cannot be written as JSON.
    """
    return str(result) if isinstance(result, str) else write_text(result).decode("utf-8")


def _arguments_struct(function: Callable[..., Any], name: str) -> type[Struct]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as fault:
        raise TypeError(f"{name}: an annotation names what only the function's own scope knows: {fault}") from fault
    fields: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise TypeError(f"{name}: parameter {parameter} has no fixed schema; name what it may be called with")
        if parameter.name not in hints:
            raise TypeError(f"{name}: parameter {parameter.name!r} has no annotation, so no schema can be made")
        hint = hints[parameter.name]
        if parameter.default is inspect.Parameter.empty:
            fields.append((parameter.name, hint))
        elif isinstance(parameter.default, list | dict | set | Struct):
            fields.append((parameter.name, hint, msgspec.field(default_factory=_always(parameter.default))))
        else:
            fields.append((parameter.name, hint, parameter.default))
    return msgspec.defstruct(f"{name}_arguments", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


def _schema(arguments: type[Struct], name: str, described: dict[str, str]) -> dict[str, Any]:
    """The parameters' schema: one object, with the types that it refers to under `$defs`."""
    try:
        _, components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    except (TypeError, NotImplementedError) as fault:
        raise TypeError(f"{name}: a parameter's type cannot be described as JSON: {fault}") from fault
    schema: dict[str, Any] = components.pop(arguments.__name__)
    schema.pop("title", None)
    for parameter, description in described.items():
        if parameter in schema["properties"]:
            schema["properties"][parameter].setdefault("description", description)
    if components:
        schema["$defs"] = dict(components)
    return schema


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The text before the first section, and the entries of the section on parameters."""
    summary: list[str] = []
    described: dict[str, str] = {}
    section, current, indent = "", "", 0
    for line in text.splitlines():
        if heading := _SECTION.match(line):
            section, current = heading.group(1), ""
        elif not section:
            summary.append(line)
        elif section in ("Args", "Arguments", "Parameters"):
            entry = _PARAMETER.match(line)
            if entry and (not current or len(entry.group(1)) <= indent):
                indent, current = len(entry.group(1)), entry.group(2)
                described[current] = entry.group(3).strip()
            elif current and line.strip():
                described[current] = f"{described[current]} {line.strip()}".strip()
    return "\n".join(summary).strip(), described
