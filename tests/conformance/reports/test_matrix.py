"""Reports side by side, and the page of documentation that shows them."""

from __future__ import annotations

import re

import pytest

from duologue.conformance import FAMILIES, Family, rules
from duologue.conformance.reports.matrix import Column, markers, matrix, rewrite
from duologue.conformance.reports.report import Outcome
from duologue.conformance.rulebook.rules import sources
from tests.repo._tree import ROOT

PAGE = ROOT / "docs" / "conformance.md"


def _column(**outcomes: Outcome) -> Column:
    findings = [
        {
            "rule": rule_id,
            "family": "realtime",
            "level": rules()[rule_id].weight,
            "outcome": outcome,
            "seen": f"{rule_id} was seen",
        }
        for rule_id, outcome in outcomes.items()
    ]
    return Column.of({"holds": True, "findings": findings})


def test_servers_stand_side_by_side() -> None:
    text = matrix(
        "realtime", {"ours": _column(one_done="passed", item_pairs="skipped"), "theirs": _column(one_done="failed")}
    )
    assert "| required rules that hold | 1 of 1 | 0 of 1 |" in text
    source = f"[Responses]({sources()['Responses'][0]})"
    assert f"| `one_done` | required | {rules()['one_done'].title} | {source} | ✓ | ✗ |" in text
    assert f"| `item_pairs` | required | {rules()['item_pairs'].title} | {source} | – |   |" in text
    assert "- ✗ `one_done`: one_done was seen" in text
    assert "### Realtime: what was seen of ours\n\nEvery rule that applies holds." in text


def test_a_page_keeps_what_stands_around_its_tables() -> None:
    begin, end = markers("realtime")
    page = f"before\n{begin}\nstale\n{end}\nafter\n"
    written = rewrite(page, "realtime", {"ours": _column(one_done="passed")})
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "stale" not in written
    assert rewrite(written, "realtime", {"ours": _column(one_done="passed")}) == written


def test_a_page_without_markers_is_rejected() -> None:
    with pytest.raises(ValueError, match="has no"):
        rewrite("no tables here", "live", {})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_committed_page_shows_every_rule_and_no_other(family: Family) -> None:
    begin, end = markers(family)
    page = PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    shown = re.findall(r"^\| `([^`]+)` \| (\w+) \| ([^|]+) \| \[([^\]]+)\]\(([^)]+)\) \|", page, re.MULTILINE)
    assert shown == [(rule.id, rule.weight, rule.title, rule.source, rule.links[0]) for rule in rules(family).values()]
