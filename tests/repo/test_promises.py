"""Each promise about security names a test, and the test is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.repo._tree import ROOT

_REFERENCE = re.compile(r"`(tests/[\w/.]+\.py)::(\w+)`")
_PENDING = "TEST-PENDING"
_DOCUMENTS = ("SECURITY.md", "THREAT_MODEL.md")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _promises(name: str) -> list[str]:
    """Rows of risks, which have an id in their first cell; and points of lists, over as many lines as they have."""
    text = _text(name)
    if name == "THREAT_MODEL.md":
        return re.findall(r"^\| [A-Z]\d+ \|.*$", text, re.MULTILINE)
    return [" ".join(each.split()) for each in re.findall(r"^- .*\n(?:  .*\n)*", text, re.MULTILINE)]


@cache
def _tests(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


each_document = pytest.mark.parametrize("name", _DOCUMENTS)


@each_document
def test_every_test_that_a_promise_names_is_there(name: str) -> None:
    named = _REFERENCE.findall(_text(name))
    assert named
    assert [f"{path}::{test}" for path, test in named if test not in _tests(ROOT / path)] == []


@each_document
def test_every_promise_names_a_test(name: str) -> None:
    promises = _promises(name)
    assert len(promises) > 10
    assert [promise for promise in promises if not _REFERENCE.search(promise) and _PENDING not in promise] == []


@each_document
def test_no_promise_waits_for_its_test(name: str) -> None:
    waiting = re.findall(rf"{_PENDING}[^|\n]*", _text(name))
    assert not waiting, "\n".join(("", *waiting))


def test_every_risk_is_counted_through() -> None:
    ids = [promise.split("|")[1].strip() for promise in _promises("THREAT_MODEL.md")]
    assert len(ids) == len(set(ids))
    letters = sorted({each[0] for each in ids})
    for letter in letters:
        numbers = [int(each[1:]) for each in ids if each[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1)), letter


def test_the_short_form_stays_on_a_page_and_leads_to_the_long_one() -> None:
    text = _text("SECURITY.md")
    assert len(text.splitlines()) <= 90
    assert "(THREAT_MODEL.md)" in text
