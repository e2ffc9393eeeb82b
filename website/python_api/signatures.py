"""Signatures as code: one line if it fits, else a line for each parameter."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import zip_longest

from website.python_api.classes import Function
from website.python_api.expressions import shown, shown_default

__all__ = ["names_in", "signature"]

_WIDTH = 88
"""Characters that a page shows without scrolling, at 1440 pixels."""


def signature(function: Function, name: str, *, module: str, of_class: bool = False) -> str:
    """The signature of a function, or of a method without its first parameter, or of a class by its `__init__`."""
    first = [*function.args.posonlyargs, *function.args.args][:1]
    is_method = any(each.arg in ("self", "cls") for each in first)
    parameters = [*_parameters(function.args, module=module, skips_first=is_method)]
    manager = {ast.unparse(each) for each in function.decorator_list} & {"asynccontextmanager", "contextmanager"}
    keyword = "" if of_class else "async def " if isinstance(function, ast.AsyncFunctionDef) and not manager else "def "
    returns = "" if of_class or function.returns is None else f" -> {_returned(function, managed=bool(manager))}"
    line = f"{keyword}{name}({', '.join(parameters)}){returns}"
    if len(line) <= _WIDTH or not parameters:
        return line
    return "\n".join([f"{keyword}{name}(", *(f"    {each}," for each in parameters), f"){returns}"])


def names_in(*functions: Function) -> list[str]:
    """Names in the annotations of parameters and results, each once."""
    found: dict[str, None] = {}
    for function in functions:
        arguments = function.args
        annotated = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for annotation in (*(each.annotation for each in annotated if each is not None), function.returns):
            if annotation is not None:
                found |= dict.fromkeys(each.id for each in ast.walk(annotation) if isinstance(each, ast.Name))
    return list(found)


def _returned(function: Function, *, managed: bool) -> str:
    """What a caller gets: of a context manager, the manager instead of the generator that makes it."""
    returns = function.returns
    assert returns is not None
    if managed and isinstance(returns, ast.Subscript):
        given = returns.slice.elts[0] if isinstance(returns.slice, ast.Tuple) else returns.slice
        kind = "AsyncContextManager" if isinstance(function, ast.AsyncFunctionDef) else "ContextManager"
        return f"{kind}[{_plain(given)}]"
    return _plain(returns)


def _parameters(arguments: ast.arguments, *, module: str, skips_first: bool) -> Iterator[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for number, (each, default) in enumerate(zip(positional, defaults, strict=True)):
        if not (skips_first and number == 0):
            yield _parameter(each, default, module)
        if number == len(arguments.posonlyargs) - 1 and not (skips_first and number == 0):
            yield "/"
    if arguments.vararg is not None:
        yield f"*{_parameter(arguments.vararg, None, module)}"
    elif arguments.kwonlyargs:
        yield "*"
    for each, default in zip_longest(arguments.kwonlyargs, arguments.kw_defaults):
        yield _parameter(each, default, module)
    if arguments.kwarg is not None:
        yield f"**{_parameter(arguments.kwarg, None, module)}"


def _parameter(argument: ast.arg, default: ast.expr | None, module: str) -> str:
    kind = "" if argument.annotation is None else f": {_plain(argument.annotation)}"
    if default is None:
        return f"{argument.arg}{kind}"
    value = shown_default(default, module=module)
    return f"{argument.arg}{kind} = {value}" if kind else f"{argument.arg}={value}"


def _plain(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return shown(annotation)
