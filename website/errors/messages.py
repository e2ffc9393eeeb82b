"""The messages of the exceptions, as they stand in the source: an ellipsis is what is filled in when one is raised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["ErrorClass", "Message", "error_classes", "invalid_values", "messages"]

_ROOT: Final = "DuologueError"

_REJECTING: Final = frozenset({"InvalidRequest", "RefusedCommand"})
"""Exceptions whose `reason=` goes into a message of a table."""

_CLOSING: Final = "ConnectionClosed"
"""Exceptions that begin with a close code; the reason is the second argument."""

_WITH_OWN_WORDS: Final = frozenset({"DecodeError", "MissingExtra", "SessionLost"})
"""Exceptions that are given facts, and make the message."""

_CLASS: Final = re.compile(r"^class (\w+)\(([\w, ]+)\):", re.MULTILINE)

_DEPTH: Final = 4
"""How far a message is followed from the call to the place that has its words: a variable, a function of the module."""

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class ErrorClass:
    """An exception of the tree."""

    name: str
    parents: tuple[str, ...]
    about: str
    """First sentence of its docstring."""
    module: str


@dataclass(frozen=True, order=True, kw_only=True)
class Message:
    """A message, and where it is raised."""

    exception: str
    room: str
    """Package or module of the topmost level."""
    text: str


def error_classes(package: Path) -> Mapping[str, ErrorClass]:
    """The tree below DuologueError by name, parents first."""
    declared = {each.name: each for tree in _trees(package) for each in _classes(tree, package)}
    found: dict[str, ErrorClass] = {_ROOT: declared[_ROOT]}
    while more := {
        name: each for name, each in declared.items() if name not in found and not found.keys().isdisjoint(each.parents)
    }:
        found |= more
    return found


def messages(package: Path) -> list[Message]:
    """Every message of every exception of the tree, once for each room, in order."""
    classes = error_classes(package)
    found: set[Message] = set()
    for tree in _trees(package):
        room = tree.path.relative_to(package).parts[0].removesuffix(".py")
        for message, name in _said(tree, classes):
            texts = tree.texts(message, _DEPTH)
            found |= {Message(exception=name, room=room, text=text) for text in texts if _has_words(text)}
    return sorted(found)


def invalid_values(package: Path) -> list[str]:
    """What may stand in the place of the reason in "Invalid value for '…': …" of our servers."""
    found: set[str] = set()
    for tree in _trees(package):
        for call in tree.calls:
            if isinstance(call.func, ast.Name) and call.func.id in _REJECTING:
                reasons = (keyword.value for keyword in call.keywords if keyword.arg == "reason")
                found |= {text for reason in reasons for text in tree.texts(reason, _DEPTH) if _has_words(text)}
    return sorted(found)


class _Tree:
    """A module, with what a message may be followed through."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.nodes = list(ast.walk(ast.parse(text)))
        self.calls = [node for node in self.nodes if isinstance(node, ast.Call)]
        self._functions = {node.name: node for node in self.nodes if isinstance(node, _Definition)}
        self._values: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._values.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._values.setdefault(name, []).append(value)
                case ast.NamedExpr(target=ast.Name(id=name), value=value):
                    self._values.setdefault(name, []).append(value)
                case _:
                    pass

    def texts(self, node: ast.expr, depth: int) -> list[str]:
        """What an expression may say. What cannot be followed is an ellipsis."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return [re.sub("…+", "…", "".join(map(self._part, parts)))]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [one + two for one in self.texts(left, depth) for two in self.texts(right, depth)]
            case ast.IfExp(body=one, orelse=other):
                return self.texts(one, depth) + self.texts(other, depth)
            case ast.Name(id=name) if depth and name in self._values:
                return [text for value in self._values[name] for text in self.texts(value, depth - 1)]
            case ast.Call(func=ast.Name(id=name)) if depth and name in self._functions:
                ends = (each for each in ast.walk(self._functions[name]) if isinstance(each, ast.Return))
                return [text for end in ends if end.value is not None for text in self.texts(end.value, depth - 1)]
            case _:
                return ["…"]

    def _part(self, part: ast.expr) -> str:
        """A part of an f-string: its words, those of a constant that it names, or an ellipsis."""
        match part:
            case ast.Constant(value=str(text)):
                return text
            case ast.FormattedValue(value=ast.Name(id=name)) if name.isupper() and len(self._values.get(name, ())) == 1:
                [text] = self.texts(self._values[name][0], 0)
                return text
            case _:
                return "…"


@cache
def _trees(package: Path) -> list[_Tree]:
    """The modules that can have a part in it; parsing all of them takes several times as long."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    names = {_ROOT, *_REJECTING}
    declared = [found for text in texts.values() for found in _CLASS.findall(text)]
    while more := {name for name, bases in declared if name not in names and names & set(bases.split(", "))}:
        names |= more
    mentioned = re.compile(rf"\b({'|'.join(sorted(names))})\(")
    return [_Tree(path, text) for path, text in texts.items() if mentioned.search(text)]


def _classes(tree: _Tree, package: Path) -> Iterator[ErrorClass]:
    parts = tree.path.relative_to(package.parent).with_suffix("").parts
    for node in tree.nodes:
        if isinstance(node, ast.ClassDef):
            said = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
            yield ErrorClass(
                name=node.name,
                parents=tuple(base.id for base in node.bases if isinstance(base, ast.Name)),
                about=said.split(". ")[0].rstrip("."),
                module=".".join(parts),
            )


def _said(tree: _Tree, classes: Mapping[str, ErrorClass]) -> Iterator[tuple[ast.expr, str]]:
    """The messages with which exceptions of the tree are made, and those that a class of it gives itself."""
    for call in tree.calls:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        place = 1 if name.startswith(_CLOSING) else 0
        if name in classes and name not in _WITH_OWN_WORDS and len(call.args) > place:
            yield call.args[place], name
    for node in tree.nodes:
        if isinstance(node, ast.ClassDef) and node.name in classes:
            yield from ((message, node.name) for message in _own_messages(node))


def _own_messages(node: ast.ClassDef) -> Iterator[ast.expr]:
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Attribute(attr="__init__"), args=[message, *_]):
                yield message
            case (
                ast.Assign(targets=[ast.Attribute(attr="args")], value=ast.Tuple(elts=[message]))
                | ast.AnnAssign(target=ast.Attribute(attr="args"), value=ast.Tuple(elts=[message]))
            ):
                yield message
            case _:
                pass


def _has_words(text: str) -> bool:
    """Whether this is a message, and not the rest of one that begins elsewhere."""
    return any(letter.isalpha() for letter in text) and not text.startswith((",", ";", " "))
