"""What must hold for every module of the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repo._tree import PACKAGE, ROOT, modules


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _declared(tree: ast.Module) -> set[str] | None:
    """The strings in `__all__`, however many statements build it; None when there is none."""
    names: set[str] = set()
    found = False
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            found = True
            strings = (part for part in ast.walk(node) if isinstance(part, ast.Constant))
            names |= {part.value for part in strings if isinstance(part.value, str)}
    return names if found else None


def _defined(tree: ast.Module) -> set[str]:
    """Public names that the module itself makes: classes, functions, constants, aliases; not what it imports."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "TypeVarTuple" | "ParamSpec"))):
                pass  # has no meaning outside its module
            case ast.Assign():
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("path", [path for path in modules() if path.name != "__main__.py"], ids=_name)
def test_every_public_name_of_a_module_is_in_its_all(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    private = any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts)
    declared = _declared(tree)
    if private and declared is None:
        return  # a module with a leading underscore is private
    assert _defined(tree) - (declared or set()) == set()


@pytest.mark.parametrize("path", modules(), ids=_name)
def test_every_module_says_in_its_first_line_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_no_module_is_named_for_a_drawer() -> None:
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "shared", "manager"}
    assert [path.relative_to(ROOT).as_posix() for path in modules() if path.stem.strip("_") in drawers] == []


def test_base64_is_read_in_one_place() -> None:
    # What the standard library's readers take differs by the version of Python.
    readers = re.compile(r"b64decode|a2b_base64|decodebytes")
    found = [
        path.relative_to(ROOT).as_posix() for path in modules() if readers.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["src/duologue/events/base64_text.py"], "use duologue.events.base64_text"
