from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise

import pytest

from duologue.errors import DuologueError
from duologue.server import limits
from duologue.server.limits import Limits, limits_of
from tests.repo._tree import ROOT


def test_texts_become_limits_and_what_is_not_named_keeps_its_default() -> None:
    assert limits_of([]) == Limits()
    assert limits_of(["sessions=7", "idle-s = 1.5"]) == Limits(sessions=7, idle_s=1.5)
    assert limits_of(["idle_s=none"]).idle_s is None


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("calls=7", "there is no limit 'calls'; known: frame_bytes, "),
        ("sessions", "sessions"),
        ("sessions=many", "sessions"),
        ("sessions=1.5", "sessions"),
        ("sessions=none", "sessions"),
        ("sessions=0", "the limit sessions is a positive number, not 0"),
        ("idle_s=-1", "the limit idle_s is a positive number, not -1"),
        ("idle_s=nan", "the limit idle_s is a positive number, not nan"),
    ],
)
def test_what_is_no_limit_is_named(setting: str, sentence: str) -> None:
    with pytest.raises(DuologueError, match=re.escape(sentence)):
        limits_of([setting])


def _reasons() -> dict[str, str]:
    """Each field with the text below it."""
    module = ast.parse(inspect.getsource(limits))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Limits")
    reasons: dict[str, str] = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(text, ast.Expr), f"{field.target.id} has no reason beside it"
            assert isinstance(text.value, ast.Constant)
            reasons[field.target.id] = " ".join(str(text.value.value).split())
    return reasons


def test_every_limit_has_its_reason_beside_it_and_its_row_in_the_docs() -> None:
    reasons = _reasons()
    assert tuple(reasons) == Limits.__struct_fields__
    page = (ROOT / "docs" / "howto" / "serve.md").read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | {'none' if (value := getattr(Limits(), name)) is None else f'{value:,}'} | {reason} |"
        for name, reason in reasons.items()
    ]
    assert [row for row in rows if row not in page] == []
