"""Where names are defined: modules are parsed, never imported, so that a name for checkers only is found as well."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

__all__ = ["Definition", "Node", "docstring_of", "file_of", "module_docstring", "public_names", "resolve", "statements"]

Node: TypeAlias = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign

_SOURCES: Final = Path(__file__).parents[2] / "src"


class Definition(NamedTuple):
    """The place where a name is defined. `node` is None where that is a module, or outside the package."""

    module: str
    name: str
    node: Node | None
    docstring: str


def _path_of(module: str) -> Path:
    path = _SOURCES / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _parsed(module: str) -> ast.Module | None:
    file = _path_of(module)
    return ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else None


def file_of(module: str) -> str:
    """The file of a module, from the root of the repository."""
    return _path_of(module).relative_to(_SOURCES.parent).as_posix()


def module_docstring(module: str) -> str:
    """What a module says of itself. Raises ValueError where there is no such module."""
    tree = _parsed(module)
    if tree is None:
        raise ValueError(f"there is no module {module} in {_SOURCES.name}")
    return ast.get_docstring(tree) or ""


@cache
def public_names(module: str) -> list[str]:
    """What a module lists in `__all__`, in order. Raises ValueError where it has none."""
    found = next((each for each in _named(module, "__all__") if isinstance(each, ast.Assign)), None)
    if found is None:
        raise ValueError(f"{module} has no `__all__` that is a list")
    names: list[str] = ast.literal_eval(found.value)
    return sorted(names, key=str.lower)


@cache
def resolve(module: str, name: str) -> Definition:
    """Where `name`, which a module gives, is defined: imports are followed through the package.

    Raises LookupError where the module does not say.
    """
    for node in _named(module, name):
        if not isinstance(node, ast.ImportFrom):
            return Definition(module, name, node, docstring_of(module, node))
        given = next(each.name for each in node.names if (each.asname or each.name) == name)
        origin = node.module or ""
        if origin == module or not any(_named(origin, given)):
            return _outside(origin, given)
        return resolve(origin, given)
    raise LookupError(f"{module} does not define {name}")


def _outside(origin: str, name: str) -> Definition:
    """What is imported and not defined where it comes from: a module, or a name of another package."""
    tree = _parsed(f"{origin}.{name}")
    if tree is None:
        return Definition(origin, name, None, "")
    return Definition(f"{origin}.{name}", name, None, ast.get_docstring(tree) or "")


def docstring_of(module: str, node: Node) -> str:
    """The docstring of a class or function, or the string behind an assignment."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return ast.get_docstring(node) or ""
    tree = _parsed(module)
    body = [] if tree is None else [*statements(tree.body)]
    following = body[body.index(node) + 1 : body.index(node) + 2] if node in body else []
    return _text(following[0]) if following else ""


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a body, with those below `if` and `try`."""
    for each in body:
        yield each
        if isinstance(each, ast.If):
            yield from statements(each.body)
            yield from statements(each.orelse)
        elif isinstance(each, ast.Try):
            yield from statements(each.body)


@cache
def _statements_by_name(module: str) -> dict[str, list[ast.stmt]]:
    tree = _parsed(module)
    found: dict[str, list[ast.stmt]] = {}
    for each in statements(tree.body) if tree is not None else ():
        for name in _names(each):
            found.setdefault(name, []).append(each)
    return found


def _named(module: str, name: str) -> Iterator[Node | ast.ImportFrom]:
    found = _statements_by_name(module).get(name, [])
    # The last definition is the one that holds: overloads come before what carries them out.
    for each in reversed(found):
        assert isinstance(each, Node | ast.ImportFrom)
        yield each


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            return [each.id for each in node.targets if isinstance(each, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom():
            return [each.asname or each.name for each in node.names]
        case _:
            return []


def _text(node: ast.stmt) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
        case _:
            return ""
