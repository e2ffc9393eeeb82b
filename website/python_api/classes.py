"""What a class offers: attributes and methods, its own and those of bases that have no page."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from website.python_api.definitions import resolve
from website.python_api.expressions import shown, shown_default

__all__ = ["Attribute", "Function", "Method", "attributes_of", "bases_of", "constructor_of", "methods_of"]

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Attribute(NamedTuple):
    """A field of a struct, or an attribute. `default` is None where there is none."""

    name: str
    type: str
    default: str | None
    docstring: str
    module: str


class Method(NamedTuple):
    """A method; `overloads` are its signatures for checkers."""

    node: Function
    overloads: tuple[Function, ...]
    module: str


def bases_of(module: str, node: ast.ClassDef) -> list[tuple[str, ast.ClassDef]]:
    """The class and its bases within the package, in the order in which names are looked up."""
    found = [(module, node)]
    for base in node.bases:
        name = base.value if isinstance(base, ast.Subscript) else base
        if not isinstance(name, ast.Name):
            continue
        try:
            definition = resolve(module, name.id)
        except LookupError:
            continue  # a built-in
        if isinstance(definition.node, ast.ClassDef):
            found += [each for each in bases_of(definition.module, definition.node) if each not in found]
    return found


def methods_of(module: str, node: ast.ClassDef) -> dict[str, Method]:
    """Public methods by name; properties are attributes."""
    found: dict[str, Method] = {}
    for place, each in bases_of(module, node):
        own: dict[str, list[Function]] = {}
        for function in _functions(each):
            own.setdefault(function.name, []).append(function)
        for name, functions in own.items():
            if name not in found and not name.startswith("_") and not _is_property(functions[-1]):
                overloads = tuple(function for function in functions if "overload" in _decorators(function))
                found[name] = Method(functions[-1], overloads, place)
    return found


def constructor_of(module: str, node: ast.ClassDef) -> Function | None:
    """`__init__`, or None where the class has none of its own or of a base."""
    for _, each in bases_of(module, node):
        for function in _functions(each):
            if function.name == "__init__":
                return function
    return None


def attributes_of(module: str, node: ast.ClassDef) -> list[Attribute]:
    """Fields, attributes that the constructor sets, and properties, each once; fields of bases come first."""
    found: dict[str, Attribute] = {}
    for place, each in reversed(bases_of(module, node)):
        for attribute in (*_fields(each, place), *_set_by_constructor(each, place), *_properties(each, place)):
            earlier = found.get(attribute.name)
            if earlier is not None and not attribute.docstring:
                attribute = attribute._replace(docstring=earlier.docstring)
            found[attribute.name] = attribute
    return list(found.values())


def _functions(node: ast.ClassDef) -> Iterator[Function]:
    for each in node.body:
        if isinstance(each, Function):
            yield each


def _decorators(function: Function) -> set[str]:
    return {ast.unparse(each).rpartition(".")[2] for each in function.decorator_list}


def _is_property(function: Function) -> bool:
    return bool(_decorators(function) & {"property", "cached_property", "setter"})


def _with_text(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    for each, following in zip(body, [*body[1:], None], strict=True):
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield each, text
            case _:
                yield each, ""


def _fields(node: ast.ClassDef, module: str) -> Iterator[Attribute]:
    is_enum = any("Enum" in ast.unparse(base) for base in node.bases)
    for each, text in _with_text(node.body):
        match each:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                default = None if each.value is None else shown_default(each.value, module=module)
                yield Attribute(name, shown(each.annotation), default, text, module)
            case ast.Assign(targets=[ast.Name(id=name)]) if is_enum and not name.startswith("_"):
                yield Attribute(name, node.name, shown(each.value), text, module)
            case _:
                pass


def _set_by_constructor(node: ast.ClassDef, module: str) -> Iterator[Attribute]:
    constructor = next((each for each in _functions(node) if each.name == "__init__"), None)
    if constructor is None:
        return
    arguments = (*constructor.args.posonlyargs, *constructor.args.args, *constructor.args.kwonlyargs)
    types = {each.arg: shown(each.annotation) for each in arguments if each.annotation is not None}
    for each, text in _with_text(constructor.body):
        match each:
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                kind = shown(each.annotation)
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=ast.Name(id=given)
            ) if given in types:
                kind = types[given]
            case _:
                continue
        if not name.startswith("_"):
            yield Attribute(name, kind, None, text, module)


def _properties(node: ast.ClassDef, module: str) -> Iterator[Attribute]:
    for function in _functions(node):
        if not function.name.startswith("_") and _decorators(function) & {"property", "cached_property"}:
            returns = "" if function.returns is None else shown(function.returns)
            yield Attribute(function.name, returns, None, ast.get_docstring(function) or "", module)
