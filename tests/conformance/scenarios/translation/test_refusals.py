"""What a translation server rejects, with servers that do not; and that every rule can fail."""

from __future__ import annotations

from duologue.conformance.scenarios import SCENARIOS
from duologue.conformance.scenarios.translation import refusals
from tests.conformance._servers import drop
from tests.conformance.scenarios.translation import test_sessions, test_speech
from tests.conformance.scenarios.translation._translation_faults import broken

PROVOKED = {each.removeprefix("translation.") for each in refusals.SCENARIOS[0].decides}


async def test_a_server_that_refuses_nothing_fails_the_rules_about_refusals() -> None:
    assert await broken(drop("error"), "error.unknown_type") == PROVOKED


def test_every_rule_of_a_scenario_is_failed_by_a_fault() -> None:
    decided = {rule_id for scenario in SCENARIOS["translation"] for rule_id in scenario.decides}
    faults = [*test_sessions.FAULTS, *test_speech.FAULTS]
    failing = {rule for *_, rules in faults for rule in rules.split()} | PROVOKED | {"close.socket"}
    # A pipe in memory has no key.
    assert decided - {f"translation.{rule}" for rule in failing} == {"translation.error.invalid_api_key"}
