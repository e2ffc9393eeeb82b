"""Events and connections that a server rejects."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import NotApplicable, Violation, expect
from duologue.conformance.rulebook.rules import ErrorRule, errors
from duologue.conformance.scenario_context import ScenarioContext, check_alive
from duologue.conformance.scenarios.base import Scenario, create, provoke, scenario
from duologue.conformance.wire.connector import ConnectOptions

__all__ = ["SCENARIOS"]

_PROVOKED: Final = tuple(rule_id for rule_id, rule in errors().items() if rule.provoke and not rule.skip)
_MAX_EVENT_ID_CHARACTERS: Final = 512
_MAX_METADATA_PAIRS: Final = 16

_REJECTED_CONNECTIONS: Final = {
    "error.invalid_api_key": ConnectOptions(api_key="sk-conform-is-no-key"),
    "error.invalid_model": ConnectOptions(model="conform-is-no-model"),
    "error.missing_model": ConnectOptions(model=""),
    "error.beta_disabled": ConnectOptions(beta=True),
}


@scenario(*_PROVOKED)
async def _rejected_events(context: ScenarioContext) -> None:
    """Events that are invalid in any state, one after the other in one session, which goes on after each."""
    async with context.session() as connection:
        for rule_id in filter(context.applies, _PROVOKED):
            await provoke(context, connection, rule_id)


@scenario("error.event_id_too_long", "error.metadata_too_large")
async def _too_much(context: ScenarioContext) -> None:
    """More than the published limits allow."""
    async with context.session() as connection:
        event = {
            "type": "session.update",
            "event_id": "x" * (_MAX_EVENT_ID_CHARACTERS + 1),
            "session": {"type": "realtime"},
        }
        with context.deciding("error.event_id_too_long"):
            await connection.answer(event, "error")
            await check_alive(connection)
        metadata = {f"key_{number}": "value" for number in range(_MAX_METADATA_PAIRS + 1)}
        await context.expect_rejection("error.metadata_too_large", connection, create(metadata=metadata))


@scenario(*_REJECTED_CONNECTIONS)
async def _rejected_connections(context: ScenarioContext) -> None:
    """Connections that a server rejects: it sends an error and then closes."""
    for rule_id, options in _REJECTED_CONNECTIONS.items():
        with context.deciding(rule_id):
            await _is_rejected(context, errors()[rule_id], options)


async def _is_rejected(context: ScenarioContext, rule: ErrorRule, options: ConnectOptions) -> None:
    async with context.open(options) as connection:
        first = await connection.until("error", "session.created")
        if first.type == "session.created":
            if options.beta:
                raise NotApplicable("the server accepts the beta's header")
            if options.api_key is not None and not context.settings.has_key:
                raise NotApplicable("the server requires no key")
            raise Violation("the server accepts the connection")
        expect(first.get("error.code") in rule.codes, f"error.code is {first.get('error.code')}")
        await connection.quiet()
        closed = connection.trace.closed
        expect(closed is not None, "the server does not close")
        expect(closed is not None and closed[0] == rule.close, f"the server closes with {closed}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_rejected_events, _too_much, _rejected_connections)
