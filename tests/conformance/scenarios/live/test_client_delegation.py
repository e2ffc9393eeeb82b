"""Work for the application, with servers that break one rule."""

from __future__ import annotations

from tests.conformance._servers import drop, edit
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    broken,
    each,
)

FAULTS = [
    Fault("no commentary", drop("session.commentary.appended"), "delegation.client", "answered_once delegation.client"),
    Fault(
        "one append only", drop("session.thinking.appended"), "delegation.client", "answered_once delegation.several"
    ),
    Fault(
        "another target",
        edit("session.delegation.created", "delegation.target", "responses"),
        "delegation.client",
        "delegation.client delegation_once",
    ),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())
