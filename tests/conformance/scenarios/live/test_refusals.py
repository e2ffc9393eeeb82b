"""What a Live server rejects, with servers that break one rule."""

from __future__ import annotations

import pytest

from duologue.conformance import ConnectOptions, Settings, run
from duologue.conformance.scenarios import SCENARIOS
from duologue.conformance.scenarios.live import refusals
from duologue.errors import ConnectFailed
from duologue.transports import Transport, memory_pair
from tests.conformance._servers import drop, rename
from tests.conformance.scenarios.live import (
    test_appends,
    test_client_delegation,
    test_decisions,
    test_endings,
    test_exchange,
    test_fixtures,
    test_forks,
    test_responses_delegation,
    test_sidebands,
    test_starts,
)
from tests.conformance.scenarios.live._live_faults import (
    Fault,
    broken,
    each,
)

MODULES = (
    test_appends,
    test_client_delegation,
    test_endings,
    test_exchange,
    test_fixtures,
    test_forks,
    test_responses_delegation,
    test_sidebands,
    test_starts,
)
PROVOKED = [rule.removeprefix("live.") for rule in refusals.SCENARIOS[0].decides]

FAULTS = [
    Fault("nothing is refused", drop("error"), "error.second_start", " ".join(("answered_once", *PROVOKED))),
    Fault(
        "every start is taken",
        rename("error", "session.started"),
        "error.missing_model",
        "error.before_start error.missing_model error.unknown_parameter fields started_first",
    ),
    Fault("the socket stays open", None, "error.missing_model", "start.refused_closes", closes=False),
]


@each(FAULTS)
async def test_a_fault_fails_the_rules_about_it_and_no_others(fault: Fault) -> None:
    assert await broken(fault) == set(fault.rules.split())


@pytest.mark.parametrize(("status", "outcome"), [(401, "passed"), (403, "failed"), (None, "failed")])
async def test_a_wrong_key_is_refused_by_the_handshake(status: int | None, outcome: str) -> None:
    async def keyed(options: ConnectOptions) -> Transport:
        if options.api_key is not None and status is not None:
            raise ConnectFailed("no", retryable=False, status=status)
        return memory_pair()[0]

    settings = Settings(timeout=1, has_key=True)
    report = await run(keyed, family="live", only=["live.error.invalid_api_key"], settings=settings)
    assert report.of("live.error.invalid_api_key").outcome == outcome


def test_every_rule_of_a_scenario_is_failed_by_a_fault() -> None:
    decided = {rule_id.removeprefix("live.") for each in SCENARIOS["live"] for rule_id in each.decides}
    faults = [*FAULTS, *(fault for module in MODULES for fault in module.FAULTS)]
    failing = {rule for fault in faults for rule in fault.rules.split()}
    by_tests_of_their_own = {"silent", "error.attach_unknown", "error.invalid_api_key", *test_decisions.RULES}
    assert decided - failing == by_tests_of_their_own
