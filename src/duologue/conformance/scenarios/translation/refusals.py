"""Events and connections that a translation server rejects."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import NotApplicable
from duologue.conformance.rulebook.rules import errors
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, provoke, scenario
from duologue.conformance.wire.connector import ConnectOptions

__all__ = ["SCENARIOS"]

_PROVOKED: Final = tuple(rule_id for rule_id, rule in errors("translation").items() if rule.provoke)
_WRONG_KEY: Final = ConnectOptions(api_key="sk-conform-is-no-key")


@scenario(*_PROVOKED)
async def _rejected_translation_events(context: ScenarioContext) -> None:
    """Events that are invalid, one after the other in one session."""
    async with context.open() as connection:
        await connection.until("session.created")
        for rule_id in _PROVOKED:
            await provoke(context, connection, rule_id)


@scenario("translation.error.invalid_api_key")
async def _a_wrong_key_for_a_translation(context: ScenarioContext) -> None:
    """A connection with a key that is none."""
    with context.deciding("translation.error.invalid_api_key"):
        if not context.settings.has_key:
            raise NotApplicable("the server is not known to require a key")
        if await context.refusal(_WRONG_KEY) is None:
            async with context.open(_WRONG_KEY) as connection:
                await connection.until("error")


SCENARIOS: Final[tuple[Scenario, ...]] = (_rejected_translation_events, _a_wrong_key_for_a_translation)
