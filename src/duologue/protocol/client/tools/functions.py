"""A function that the model may call: how the model sees it, and the calls that the model makes of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.events import FunctionTool
from duologue.protocol.client.tools.arguments import ArgumentFault
from duologue.protocol.client.tools.injection import Injectable, injectable_in
from duologue.protocol.client.tools.parameters import (
    Signature,
    description_of,
    is_async,
    name_of,
    signature_of,
)
from duologue.protocol.client.tools.raw_schemas import check_schema, faults_in

__all__ = ["BoundCall", "ToolFunction", "ToolProblem", "check_name"]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Names that the hosted service accepts for functions."""

_decode_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_json: Final = msgspec.json.Decoder(dict[str, Any]).decode


class ToolProblem(Exception):
    """A call that cannot be made. The message is sent to the model, so that it can correct the call."""


class BoundCall(Struct, frozen=True):
    """A call that can be made: `function(*args, **kwargs)`, with what the conversation passes."""

    tool: ToolFunction
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __call__(self, **injected: Any) -> Any:
        """Make the call; for an async function this is its coroutine."""
        return self.tool.function(*self.args, **self.kwargs, **injected)


class ToolFunction:
    """A function as the model sees it.

    With `parameters`, a JSON schema, the function takes one dict: the arguments, whose shape is checked. Without, the
    schema is that of the function's own parameters. Name and description are the function's unless they are given.

    Raises:
        TypeError: a parameter has no annotation, or one that no schema can describe, or is of the kind `*args`.
        TypeError: `parameters` is no JSON schema.
        ValueError: the wire does not allow the name, or `parameters` describes no object.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.name: str = name_of(function) if name is None else name
        check_name(self.name)
        if not callable(function):
            raise TypeError(f"{self.name}: {type(function).__name__} cannot be called")
        self.function = function
        self.is_async: bool = is_async(function)
        """Whether calling the function makes a coroutine."""
        about = description_of(function)
        self._signature: Signature | None = None
        self._dict_parameter = ""
        """Of a function with a schema of its own: the parameter that takes the arguments; empty: the first one."""
        self.injected: dict[str, type[Injectable]]
        """Parameters to which the conversation gives a value, and the class of it."""
        if parameters is None:
            self._signature = signature_of(function, self.name)
            self.injected = self._signature.injected
            parameters = self._signature.schema(about.entries)
        else:
            check_schema(parameters, self.name)
            self.injected, self._dict_parameter = _taker_of_dict(function, self.name)
        self.tool: FunctionTool = FunctionTool(
            name=self.name,
            description=about.text if description is None else description,
            parameters=msgspec.to_builtins(dict(parameters), str_keys=True),
        )
        """The function in a session's configuration."""

    def __repr__(self) -> str:
        return f"ToolFunction({self.name!r})"

    def bind(self, arguments: str) -> BoundCall:
        """The call with these arguments, which are JSON.

        Raises:
            ToolProblem: they are not a JSON object that fits the parameters; the message names each fault.
        """
        try:
            if self._signature is None:
                return self._bind_dict(_decode_json(arguments))
            return self._bind_parameters(self._signature, _decode_object(arguments))
        except (msgspec.DecodeError, RecursionError, UnicodeError) as fault:
            raise ToolProblem(
                f"The arguments of {self.name} are not a JSON object: {fault}. Nothing was done; call it again."
            ) from fault

    def _bind_dict(self, arguments: dict[str, Any]) -> BoundCall:
        if faults := list(faults_in(arguments, self.tool.parameters)):
            raise self._problem(faults)
        if self._dict_parameter:
            return BoundCall(self, (), {self._dict_parameter: arguments})
        return BoundCall(self, (arguments,), {})

    def _bind_parameters(self, signature: Signature, texts: dict[str, msgspec.Raw]) -> BoundCall:
        faults: list[tuple[str, str]] = []
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter in signature.parameters:
            text = texts.pop(parameter.name, None)
            if text is None and parameter.required:
                faults.append((f".{parameter.name}", "it is missing"))
            elif text is not None:
                try:
                    kwargs[parameter.name] = parameter.type.read(bytes(text))
                except ArgumentFault as fault:
                    faults += [(f".{parameter.name}{place}", words) for place, words in fault.faults]
            elif parameter.positional_only:
                kwargs[parameter.name] = parameter.default
            if parameter.positional_only and parameter.name in kwargs:
                args.append(kwargs.pop(parameter.name))
        faults += [(f".{name}", "there is no such parameter") for name in texts]
        if faults:
            raise self._problem(faults)
        return BoundCall(self, tuple(args), kwargs)

    def _problem(self, faults: list[tuple[str, str]]) -> ToolProblem:
        described = "; ".join(f"{place[1:] or 'all'}: {words}{self._choice(place, words)}" for place, words in faults)
        return ToolProblem(f"The arguments of {self.name} do not fit its parameters: {described}. Nothing was done.")

    def _choice(self, place: str, words: str) -> str:
        """The values that a parameter may have, where the fault does not say them."""
        about = self.tool.parameters.get("properties", {}).get(place[1:], {})
        if "$ref" in about:
            about = self.tool.parameters.get("$defs", {}).get(about["$ref"].rpartition("/")[2], {})
        allowed = about.get("enum", ())
        known = all(str(value) in words for value in allowed)
        return "" if known else f"; it must be one of {', '.join(map(repr, allowed))}"


def check_name(name: object) -> None:
    """Raise ValueError for a name that the wire does not allow for a function."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"a function's name is 1 to 64 letters, digits, '_' or '-', not {name!r}")


def _taker_of_dict(function: Callable[..., Any], name: str) -> tuple[dict[str, type[Injectable]], str]:
    """For a function with a schema of its own: what the conversation passes, and the parameter for the arguments."""
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except ValueError:  # a builtin does not say
        return {}, ""
    except NameError as fault:
        raise TypeError(f"{name}: an annotation names what only the function's own scope knows: {fault}") from fault
    injected = {each.name: cls for each in parameters if (cls := injectable_in(each.annotation)) is not None}
    takers = [each for each in parameters if each.name not in injected and each.kind not in _VARIABLE]
    needed = [each for each in takers if each.default is inspect.Parameter.empty]
    if not takers or len(needed) > 1:
        raise TypeError(f"{name}: a function with a schema of its own takes one dict, the arguments of the call")
    taker = (needed or takers)[0]
    return injected, "" if taker.kind is inspect.Parameter.POSITIONAL_ONLY else taker.name


_VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
