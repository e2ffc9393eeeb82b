"""Expressions of the sources as pages show them."""

from __future__ import annotations

import ast
import re
from typing import Final

from website.python_api.definitions import resolve

__all__ = ["shown", "shown_default"]

_SINGLE: Final = re.compile(r"'([^'\"\\]*)'")


def shown(expression: ast.expr) -> str:
    """An expression with the quotes of the sources; an annotation that is a string is shown without any."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return f'"{expression.value}"' if '"' not in expression.value else repr(expression.value)
    return _SINGLE.sub(r'"\1"', ast.unparse(expression))


def shown_default(expression: ast.expr, *, module: str) -> str:
    """A default: the value, where a constant of the package names it."""
    if not isinstance(expression, ast.Name):
        return shown(expression)
    try:
        node = resolve(module, expression.id).node
    except LookupError:
        return expression.id  # None of Python, or a name that the module makes
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_plain(node.value):
        return shown(node.value)
    return expression.id


def _is_plain(value: ast.expr) -> bool:
    """Whether a value says more than its name: numbers, their products, and texts."""
    return all(
        isinstance(each, ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop)
        for each in ast.walk(value)
    )
