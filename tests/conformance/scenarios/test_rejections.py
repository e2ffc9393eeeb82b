"""Events that a server must reject."""

from __future__ import annotations

from duologue.conformance import Settings
from duologue.conformance.rulebook.rules import errors
from tests.conformance._servers import drop, edit
from tests.conformance.scenarios._faults import failed


async def test_a_server_that_sends_no_errors_fails_every_rule_about_them() -> None:
    provoked = {rule_id for rule_id, rule in errors().items() if rule.provoke}
    assert await failed(drop("error"), *provoked, settings=Settings(timeout=0.05, pace=0)) >= provoked


async def test_an_error_with_an_id_that_was_never_sent_is_found() -> None:
    found = await failed(edit("error", "error.event_id", "event_unknown"), "error.invalid_json")
    assert found - {"error.unknown_call"} == {"error_echo"}
