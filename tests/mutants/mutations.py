"""Small changes to a module's source, each of which should make some test fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Mutant", "mutants_of"]

_COMPARED: Final[dict[type[ast.cmpop], ast.cmpop]] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
}
_COMPUTED: Final[dict[type[ast.operator], ast.operator]] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.FloorDiv(),
    ast.FloorDiv: ast.Mult(),
    ast.Div: ast.Mult(),
}

_WIRE_WORD: Final = re.compile(r"[a-z][a-z_./]*")
"""Words of the wire and names of states; sentences for people are nothing that tests compare to the letter."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the text between two places becomes another."""

    path: str
    kind: str
    begin: int
    end: int
    replacement: str
    before: str
    """The line where it begins, as it was."""
    after: str
    """The same line, as it is then."""

    def applied_to(self, source: str) -> str:
        """The whole file with the change."""
        return source[: self.begin] + self.replacement + source[self.end :]


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, column_bytes: int) -> int:
        text = lines[line - 1].encode()[:column_bytes].decode()
        return starts[line - 1] + len(text)

    found: list[Mutant] = []
    for kind, node, replacement in _changes(ast.parse(source)):
        assert isinstance(node, ast.expr | ast.stmt)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        if "pragma: no cover" in lines[node.lineno - 1]:
            continue
        begin = offset(node.lineno, node.col_offset)
        end = offset(node.end_lineno, node.end_col_offset)
        changed = source[:begin] + replacement + source[end:]
        at = source.count("\n", 0, begin)
        before, after = source.splitlines()[at], changed.splitlines()[at]
        found.append(Mutant(path, kind, begin, end, replacement, before, after))
    return found


def _changes(tree: ast.Module) -> Iterator[tuple[str, ast.AST, str]]:
    """What to change, and into what."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield from _changes_of(node)
        pending.extend(reversed([*_children(node)]))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What runs inside: no annotations, docstrings, decorators, and nothing that only people read."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
            yield from node.body
        case ast.AnnAssign():
            if node.value is not None and "TypeAlias" not in ast.unparse(node.annotation):
                yield node.value
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Raise() | ast.Assert():
            return
        case ast.ClassDef():
            yield from node.body
        case ast.Call(func=ast.Attribute(attr="new_id" | "_new_id") | ast.Name(id="new_id")):
            return  # the kind of a thing whose id it is: for people
        case ast.keyword(arg="strict"):
            return  # of zip: asserts that the lengths are equal
        case ast.Subscript():
            yield node.value
            if not isinstance(node.slice, ast.Constant):
                yield node.slice
        case _:
            yield from ast.iter_child_nodes(node)


def _changes_of(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARED:
            changed = ast.Compare(left, [_COMPARED[type(operator)]], [right])
            yield "another comparison", node, _inside(changed)
        case ast.BoolOp(op=operator, values=values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "and for or", node, _inside(ast.BoolOp(other, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "no not", node, _inside(operand)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _COMPUTED:
            yield "another operator", node, _inside(ast.BinOp(left, _COMPUTED[type(operator)], right))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield "the other branch", node, _inside(ast.IfExp(test, orelse, body))
        case ast.Constant(value=bool() as value):
            yield "the opposite", node, str(not value)
        case ast.Constant(value=int() | float() as value):
            yield "one more", node, repr(value + 1)
        case ast.Constant(value=str() as value) if _WIRE_WORD.fullmatch(value):
            yield "another word", node, repr(f"{value}_x")
        case ast.Return(value=ast.Constant(value=None | False)):
            pass  # None is as false
        case ast.Return(value=ast.expr()):
            yield "nothing returned", node, "return None"
        case ast.Expr(value=ast.Call() | ast.YieldFrom() | ast.Yield()):
            yield "a call less", node, "pass"
        case ast.AugAssign() | ast.Delete():
            yield "a change less", node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "an assignment less", node, "pass"
        case ast.Continue():
            yield "no next round", node, "pass"
        case ast.Break():
            yield "no end of the loop", node, "pass"
        case _:
            pass  # everything else is changed in its parts


def _inside(node: ast.expr) -> str:
    """The text of an expression, wherever it may stand."""
    return f"({ast.unparse(node)})"
