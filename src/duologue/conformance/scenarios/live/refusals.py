"""Events and connections that a Live server rejects."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import NotApplicable, Violation, expect
from duologue.conformance.rulebook.rules import errors
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, provoke, scenario
from duologue.conformance.scenarios.live.base import live_call, start
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.trace import Json

__all__ = ["SCENARIOS"]

_PROVOKED: Final = tuple(rule_id for rule_id, rule in errors("live").items() if rule.provoke)
_WRONG_KEY: Final = ConnectOptions(api_key="sk-conform-is-no-key")
_UNAUTHORIZED: Final = 401


@scenario(*_PROVOKED)
async def _rejected_live_events(context: ScenarioContext) -> None:
    """Events that are invalid in a started session, one after the other."""
    async with live_call(context, delegation={"type": "client"}) as call:
        for rule_id in _PROVOKED:
            await provoke(context, call.connection, rule_id)


@scenario(
    "live.error.unknown_parameter", "live.error.missing_model", "live.error.before_start", "live.start.refused_closes"
)
async def _rejected_starts(context: ScenarioContext) -> None:
    """Sessions that cannot be started."""
    wrong: dict[str, Json] = {
        "live.error.unknown_parameter": start(context, conform=True),
        "live.error.missing_model": {"type": "session.start", "session": {"instructions": "Keep answers short."}},
        "live.error.before_start": {"type": "session.input_audio.mute"},
    }
    for rule_id, event in wrong.items():
        async with context.open() as connection:
            with context.deciding(rule_id):
                answer = await connection.answer(event, "error", "session.started", "session.input_audio.muted")
                context.check_rejection(rule_id, connection, answer)
            if rule_id == "live.error.unknown_parameter":
                with context.deciding("live.start.refused_closes"):
                    await connection.ended()


@scenario("live.error.invalid_api_key")
async def _a_wrong_key(context: ScenarioContext) -> None:
    """A connection with a key that is none."""
    with context.deciding("live.error.invalid_api_key"):
        fault = await context.refusal(_WRONG_KEY)
        if fault is None and not context.settings.has_key:
            raise NotApplicable("the server requires no key")
        if fault is None:
            raise Violation("the server accepts the connection")
        expect(fault.status == _UNAUTHORIZED, f"the handshake fails with {fault.status}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_rejected_live_events, _rejected_starts, _a_wrong_key)
