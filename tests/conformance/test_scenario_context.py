"""Decisions about rules, by what happens in a block."""

from __future__ import annotations

import pytest

from duologue.conformance import ConnectOptions, NotApplicable, Report, Settings
from duologue.conformance.outcomes import Undecided, Violation
from duologue.conformance.reports.report import Outcome
from duologue.conformance.scenario_context import ScenarioContext
from duologue.errors import ConnectFailed
from duologue.transports import Transport


async def _unreachable(options: ConnectOptions) -> Transport:
    raise ConnectFailed("refused", retryable=True)


def _context(report: Report) -> ScenarioContext:
    return ScenarioContext("by hand", _unreachable, Settings(), report)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Violation("why"), "failed"),
        (Undecided("why"), "inconclusive"),
        (NotApplicable("why"), "skipped"),
        (KeyError("why"), "failed"),
        (None, "passed"),
    ],
)
def test_what_a_block_raises_decides_its_rules(fault: Exception | None, outcome: Outcome) -> None:
    report = Report()
    with _context(report).deciding("item.root", "item.insert"):
        if fault is not None:
            raise fault
    assert {report.of(rule_id).outcome for rule_id in ("item.root", "item.insert")} == {outcome}


@pytest.mark.parametrize(
    ("options", "fault"), [(ConnectOptions(), Undecided), (ConnectOptions(beta=True), NotApplicable)]
)
async def test_a_connection_that_fails_decides_nothing(options: ConnectOptions, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        async with _context(Report()).open(options):
            pass
