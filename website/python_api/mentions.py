"""The types that a definition mentions: in signatures, in attributes, in what an alias stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from website.python_api.classes import attributes_of, constructor_of, methods_of
from website.python_api.definitions import Definition, public_names, resolve
from website.python_api.signatures import names_in

__all__ = ["mentions"]


def mentions(definition: Definition) -> Iterator[Definition]:
    """Definitions of the package that are public where they are defined, each as often as it is mentioned."""
    for module, name in _names(definition):
        try:
            found = resolve(module, name)
        except LookupError:
            continue  # a built-in
        if found.node is not None and not _is_variable(found) and _is_public(found):
            yield found


def _names(definition: Definition) -> Iterator[tuple[str, str]]:
    module = definition.module
    match definition.node:
        case ast.ClassDef() as node:
            constructor = constructor_of(module, node)
            yield from ((module, name) for name in (names_in(constructor) if constructor is not None else []))
            for method in methods_of(module, node).values():
                yield from ((method.module, name) for name in names_in(*(method.overloads or (method.node,))))
            for attribute in attributes_of(module, node):
                yield from ((attribute.module, name) for name in _in_text(attribute.type))
        case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
            yield from ((module, name) for name in names_in(node))
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            yield from ((module, name) for name in _in_text("" if value is None else ast.unparse(value)))
        case None:
            pass


def _in_text(expression: str) -> list[str]:
    tree = ast.parse(expression or "None")
    return [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)]


def _is_variable(definition: Definition) -> bool:
    """Whether it is a `TypeVar`: it stands for another type at each call."""
    match definition.node:
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec" | "TypeVarTuple"))):
            return True
        case _:
            return False


def _is_public(definition: Definition) -> bool:
    try:
        return definition.name in public_names(definition.module)
    except ValueError:
        return False
