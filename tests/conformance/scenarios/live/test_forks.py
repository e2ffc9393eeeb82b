"""Forks, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import drop, edit
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    broken,
    each,
    forks,
)

FAULTS = [
    Fault("no answer", drop("session.started"), "fork", "fork", forks),
    Fault(
        "other instructions",
        edit("session.started", "session.instructions", "Be long."),
        "fork",
        "fork.inherits",
        forks,
    ),
    Fault("any model", drop("error"), "fork", "error.fork_model", forks),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
