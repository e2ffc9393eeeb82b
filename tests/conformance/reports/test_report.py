"""What a report makes of findings."""

from __future__ import annotations

import pytest

from duologue.conformance import Report
from duologue.conformance.reports.report import Outcome


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("passed", "failed", "failed"),
        ("failed", "passed", "failed"),
        ("passed", "inconclusive", "passed"),
        ("skipped", "inconclusive", "inconclusive"),
    ],
)
def test_the_heavier_outcome_is_kept(first: Outcome, second: Outcome, kept: Outcome) -> None:
    report = Report(asked=("one_done",))
    report.record("one_done", first)
    report.record("one_done", second)
    assert report.named(kept) == {"one_done"}


@pytest.mark.parametrize(
    ("rule_id", "outcome", "holds"),
    [
        ("one_done", "passed", True),
        ("one_done", "failed", False),
        ("one_done", "inconclusive", False),
        ("one_done", "skipped", True),
        ("accepts.speed", "failed", True),
        ("error.unknown_call", "failed", True),
    ],
)
def test_a_server_holds_when_every_required_rule_that_applies_was_seen_to_hold(
    rule_id: str, outcome: Outcome, holds: bool
) -> None:
    report = Report(asked=(rule_id,))
    report.record(rule_id, outcome, "because")
    assert report.holds is holds
    assert [each.seen for each in report.unmet] == ([] if holds else ["because"])


def test_a_rule_that_nothing_decided_does_not_hold() -> None:
    report = Report(asked=("one_done",))
    assert not report.holds
    assert report.counts() == {"passed": 0, "failed": 0, "inconclusive": 1, "skipped": 0}


def test_a_finding_of_a_rule_that_does_not_exist_is_a_mistake_of_the_suite() -> None:
    with pytest.raises(KeyError):
        Report().record("no.such.rule", "passed")
