"""Reports side by side, and the page of documentation that shows them."""

from __future__ import annotations

import re

import pytest

from duologue.conformance import rules
from duologue.conformance.reports.matrix import BEGIN, END, Column, matrix, rewrite
from duologue.conformance.reports.report import Outcome
from duologue.conformance.rulebook.rules import sources
from tests.repo._tree import ROOT

PAGE = ROOT / "docs" / "conformance.md"


def _column(**outcomes: Outcome) -> Column:
    findings = [
        {"rule": rule_id, "level": rules()[rule_id].weight, "outcome": outcome, "seen": f"{rule_id} was seen"}
        for rule_id, outcome in outcomes.items()
    ]
    return Column.of({"holds": True, "findings": findings})


def test_servers_stand_side_by_side() -> None:
    text = matrix({"ours": _column(one_done="passed", item_pairs="skipped"), "theirs": _column(one_done="failed")})
    assert "| required rules that hold | 1 of 1 | 0 of 1 |" in text
    source = f"[Responses]({sources()['Responses'][0]})"
    assert f"| `one_done` | required | {rules()['one_done'].title} | {source} | ✓ | ✗ |" in text
    assert f"| `item_pairs` | required | {rules()['item_pairs'].title} | {source} | – |   |" in text
    assert "- ✗ `one_done`: one_done was seen" in text
    assert "### What was seen: ours\n\nEvery rule that applies holds." in text


def test_a_page_keeps_what_stands_around_its_tables() -> None:
    page = f"before\n{BEGIN}\nstale\n{END}\nafter\n"
    written = rewrite(page, {"ours": _column(one_done="passed")})
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "stale" not in written
    assert rewrite(written, {"ours": _column(one_done="passed")}) == written


def test_a_page_without_markers_is_rejected() -> None:
    with pytest.raises(ValueError, match="has no"):
        rewrite("no tables here", {})


def test_the_committed_page_shows_every_rule_and_no_other() -> None:
    page = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    shown = re.findall(r"^\| `([^`]+)` \| (\w+) \| ([^|]+) \| \[([^\]]+)\]\(([^)]+)\) \|", page, re.MULTILINE)
    assert shown == [(rule.id, rule.weight, rule.title, rule.source, rule.links[0]) for rule in rules().values()]
