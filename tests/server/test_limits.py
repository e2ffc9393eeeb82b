from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from types import ModuleType

import pytest
from msgspec import Struct

from duologue.errors import DuologueError
from duologue.protocol import SessionDefaults
from duologue.protocol.server import defaults
from duologue.server import limits
from duologue.server.limits import SESSION_LIMITS, Limits, limits_of
from tests.repo._tree import ROOT


def test_texts_become_limits_and_what_is_not_named_keeps_its_default() -> None:
    assert limits_of([]) == (Limits(), SessionDefaults())
    assert limits_of(["sessions=7", "idle-s = 1.5"]) == (Limits(sessions=7, idle_s=1.5), SessionDefaults())
    assert limits_of(["idle_s=none"])[0].idle_s is None


def test_limits_of_sessions_are_set_among_their_other_defaults() -> None:
    defaults = SessionDefaults(voice="echo", max_items=5)
    changed = limits_of(["max_audio_bytes=1000", "tokens_per_minute=9"], defaults)
    assert changed == (Limits(), SessionDefaults(voice="echo", max_items=5, max_audio_bytes=1000, tokens_per_minute=9))


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


def _reasons(module: ModuleType, struct: type[Struct]) -> dict[str, str]:
    """Each field with the text below it."""
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef) and node.name == struct.__name__
    )
    reasons: dict[str, str] = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            reported = text.value.value if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) else ""
            reasons[field.target.id] = " ".join(str(reported).split())
    return reasons


def test_every_limit_has_its_reason_below_it_and_its_row_in_the_docs() -> None:
    page = (ROOT / "docs" / "howto" / "serve.md").read_text(encoding="utf-8")
    missing: list[str] = []
    for module, struct, names in (
        (limits, Limits, Limits.__struct_fields__),
        (defaults, SessionDefaults, SESSION_LIMITS),
    ):
        reasons, standard = _reasons(module, struct), struct()
        for name in names:
            assert reasons[name], f"{name} has no reason below it"
            value = getattr(standard, name)
            row = f"| `{name}` | {'none' if value is None else f'{value:,}'} | {reasons[name]} |"
            missing += [] if row in page else [row]
    assert missing == []
