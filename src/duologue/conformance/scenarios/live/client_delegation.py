"""Work that is handed to the application."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Undecided, Violation
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import append, live_call
from duologue.conformance.wire.speech_sample import speech

__all__ = ["SCENARIOS"]

_DELEGATING: Final = "Answer nothing yourself. Hand whatever the user says to the application, and wait for its answer."


@scenario("live.delegation.client", "live.delegation.several")
async def _work_for_the_application(context: ScenarioContext) -> None:
    """A sentence whose answer the application has."""
    async with live_call(context, instructions=_DELEGATING, delegation={"type": "client"}) as call:
        connection = call.connection
        at = len(connection.trace.messages)
        await call.feed.say(speech())
        connection.rewind(at)
        try:
            created = await connection.until("session.delegation.created")
        except Violation as fault:
            raise Undecided(f"nothing was delegated: {fault}") from fault
        id = str(created.get("delegation.id"))
        with context.deciding("live.delegation.client"):
            await connection.answer(append("commentary", "It arrives on Tuesday.", id), "session.commentary.appended")
            context.follows("live.delegation.client", connection.trace.messages[at:])
        with context.deciding("live.delegation.several"):
            await connection.answer(append("thinking", "It was sent on Sunday.", id), "session.thinking.appended")


SCENARIOS: Final[tuple[Scenario, ...]] = (_work_for_the_application,)
