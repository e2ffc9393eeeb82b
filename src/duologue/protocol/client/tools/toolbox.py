"""Functions that the model may call.

    tools = Toolbox()

    @tools.add
    def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
        \"\"\"The weather in a city.

        Args:
            city: Its name, without the country.
        \"\"\"

Parameters may have any type that msgspec or pydantic can validate: the plain ones, `Literal`, enumerations, optional
ones, lists and dicts, dataclasses, typed dicts, msgspec structs, pydantic models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias, TypeVar, overload

import msgspec

from duologue.codec.jsontext import write_text
from duologue.events import (
    FunctionTool,
    McpServerTool,
    RealtimeEvent,
    RealtimeSessionConfig,
    SessionUpdateEvent,
    Tool,
    UnknownRealtimeEvent,
    UnknownTool,
    is_set,
)
from duologue.protocol.client.tools.functions import BoundCall, ToolFunction, ToolProblem, check_name
from duologue.protocol.client.tools.raw_schemas import check_schema

__all__ = ["BoundCall", "ToolFunction", "ToolInput", "ToolProblem", "Toolbox", "answer_text", "toolbox_of"]

F = TypeVar("F", bound=Callable[..., Any] | ToolFunction)

ToolInput: TypeAlias = Callable[..., Any] | ToolFunction | Tool | Mapping[str, Any]
"""A function, or a tool as a session's configuration has it: the application, or the server, answers its calls."""


class Toolbox:
    """Functions by name, and tools whose calls are answered elsewhere.

    >>> def weather(city: str) -> str:
    ...     "The weather in a city."
    ...     return f"Sunny in {city}."
    >>> toolbox = Toolbox(weather)
    >>> toolbox.tools[0].name, toolbox.tools[0].description
    ('weather', 'The weather in a city.')

    Raises:
        TypeError: a function has a parameter that no schema can describe, or a schema is none.
        ValueError: two have one name, the wire does not allow a name, or a mapping is no tool.
    """

    def __init__(self, *tools: ToolInput) -> None:
        self._functions: dict[str, ToolFunction] = {}
        self._declared: list[Tool] = []
        for tool in tools:
            if isinstance(tool, FunctionTool | McpServerTool | UnknownTool | Mapping):
                self.declare(tool)
            else:
                self.add(tool)

    def __contains__(self, name: str) -> bool:
        return name in self._functions or self.is_declared(name)

    def __iter__(self) -> Iterator[ToolFunction]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions) + len(self._declared)

    @property
    def tools(self) -> list[FunctionTool]:
        """The functions, as a session's configuration has them."""
        return [function.tool for function in self]

    @property
    def offered(self) -> list[Tool]:
        """The functions and the other tools: the value of `tools` in a session's configuration."""
        return [*self.tools, *self._declared]

    @overload
    def add(
        self,
        function: F,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> F: ...

    @overload
    def add(
        self, *, name: str | None = None, description: str | None = None, schema: Mapping[str, Any] | None = None
    ) -> Callable[[F], F]: ...

    def add(
        self,
        function: Callable[..., Any] | ToolFunction | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Any:
        """Offer a function; returns it, so that this decorates. The docstring describes it and its parameters.

        With `schema`, the JSON schema of the parameters or a whole tool as the wire has it, the function takes one
        dict: the arguments.

        Raises:
            TypeError: a parameter has no annotation, or one that no schema can describe, or is of the kind `*args`.
            ValueError: the name is taken, or the wire does not allow it.
        """
        if function is None:
            return partial(self.add, name=name, description=description, schema=schema)
        if schema is not None and "parameters" in schema:
            name = schema.get("name") if name is None else name
            description = schema.get("description") if description is None else description
            schema = schema["parameters"]
        if not isinstance(function, ToolFunction):
            added = ToolFunction(function, name=name, description=description, parameters=schema)
        elif name is not None or description is not None or schema is not None:
            raise TypeError(f"{function.name}: a ToolFunction has its name, description and schema already")
        else:
            added = function
        self._check_name(added.name)
        self._functions[added.name] = added
        return function

    def declare(self, tool: Tool | Mapping[str, Any]) -> None:
        """Offer a tool whose calls the application answers with events of its own, or the server itself (MCP).

        Raises:
            TypeError: its parameters are no JSON schema.
            ValueError: the name is taken or not allowed, its schema describes no object, or the mapping is no tool.
        """
        declared = _tool(tool) if isinstance(tool, Mapping) else tool
        if isinstance(declared, FunctionTool):
            name = declared.name if is_set(declared.name) else None
            check_name(name)
            self._check_name(str(name))
            if is_set(declared.parameters):
                check_schema(declared.parameters, str(name))
        self._declared.append(declared)

    def is_declared(self, name: str) -> bool:
        """Whether the application answers calls of this function itself."""
        return any(isinstance(tool, FunctionTool) and tool.name == name for tool in self._declared)

    def bind(self, name: str, arguments: str) -> BoundCall:
        """The call that the model asks for.

        Raises:
            ToolProblem: there is no such function, or the arguments are not JSON that matches its parameters.
        """
        function = self._functions.get(name)
        if function is None:
            known = ", ".join(self._functions) or "none"
            raise ToolProblem(f"There is no function {name!r}. Available functions: {known}.")
        return function.bind(arguments)

    def _check_name(self, name: str) -> None:
        if name in self:
            raise ValueError(f"there is a function {name!r} already")


def toolbox_of(tools: Toolbox | Iterable[ToolInput]) -> Toolbox:
    """The tools as one box.

    Raises:
        TypeError: this is one tool and not several; or as `Toolbox` does.
        ValueError: as `Toolbox` does.
    """
    if isinstance(tools, Toolbox):
        return tools
    if isinstance(tools, Mapping | str) or not isinstance(tools, Iterable):
        what = getattr(tools, "__name__", type(tools).__name__)
        raise TypeError(f"tools= is a Toolbox or a list of tools, not {what}: write tools=[…]")
    return Toolbox(*tools)


def answer_text(result: Any) -> str:
    """A function's result as the model reads it: text as it is, anything else as JSON.

    Raises:
        TypeError: it cannot be written as JSON.
    """
    if isinstance(result, str):
        return str(result)
    return write_text(msgspec.to_builtins(result, enc_hook=_dumped, str_keys=True)).decode("utf-8")


def _dumped(value: Any) -> Any:
    """A model of pydantic, anywhere in a result, or text of a subclass of `str`."""
    if isinstance(value, str):
        return str(value)
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not a type of JSON")


def _tool(fields: Mapping[str, Any]) -> Tool:
    if isinstance(fields.get("function"), Mapping) and "name" not in fields:
        raise ValueError(
            "this tool has the shape of chat completions; in realtime sessions name, description and parameters stand"
            ' beside "type": "function"'
        )
    if not isinstance(fields.get("type"), str):
        raise ValueError('a mapping is no tool: it has no "type", such as "function"')
    session = {"type": "realtime", "tools": [dict(fields)]}
    event = RealtimeEvent.from_json({"type": "session.update", "session": session})
    if isinstance(event, UnknownRealtimeEvent):
        raise ValueError(f"a mapping is no tool: {event.problem.replace('$.session.tools[0]', '$')}")
    assert isinstance(event, SessionUpdateEvent)
    assert isinstance(event.session, RealtimeSessionConfig)
    assert is_set(event.session.tools)
    return event.session.tools[0]
