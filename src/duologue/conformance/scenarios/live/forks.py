"""Forks of stored sessions."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import live_call, start
from duologue.conformance.wire.connector import ConnectOptions

__all__ = ["SCENARIOS"]

_INSTRUCTIONS: Final = "Keep answers short."


@scenario("live.fork", "live.fork.inherits", "live.error.fork_model")
async def _a_fork(context: ScenarioContext) -> None:
    """A session is stored and closed, and forked twice: as it is, and with another model."""
    async with live_call(context, store=True, instructions=_INSTRUCTIONS) as call:
        await call.connection.answer({"type": "session.close"}, "session.closed")
        await call.connection.ended()
    options = ConnectOptions(fork=call.id)
    async with context.open(options) as connection:
        begin = {"type": "session.start", "session": {}}
        started = await context.vital("live.fork", connection.answer(begin, "session.started"))
        context.follows("live.fork", connection.trace.messages)
        with context.deciding("live.fork.inherits"):
            expect(started.get("session.id") != call.id, "the fork has the id of the stored session")
            expect(
                started.get("session.instructions") == _INSTRUCTIONS, "the instructions are not those of the session"
            )
    async with context.open(options) as connection:
        with context.deciding("live.error.fork_model"):
            answer = await connection.answer(start(context), "error", "session.started")
            context.check_rejection("live.error.fork_model", connection, answer)


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_fork,)
