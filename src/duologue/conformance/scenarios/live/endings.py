"""How a Live session ends."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import LONG_COMMENTARY, append, live_call, spoken, start

__all__ = ["SCENARIOS"]

_DRAIN_S: Final = 10.0
_EXPIRY_S: Final = 45.0
"""Sessions without audio were seen to end after 31 s."""


@scenario("live.close", "live.close.usage", "live.close.socket")
async def _a_close(context: ScenarioContext) -> None:
    """A session is closed after a second of silence."""
    async with live_call(context) as call:
        connection = call.connection
        await connection.during(1.0)
        id = await connection.send({"type": "session.close"})
        closed = await context.vital("live.close", connection.until("session.closed"))
        context.follows("live.close", connection.since(id))
        with context.deciding("live.close.usage"):
            reason, seconds = closed.get("reason"), closed.get("usage.seconds")
            expect(reason == "close_requested", f"its reason is {reason}")
            expect(isinstance(seconds, int | float) and seconds >= 0, f"its usage.seconds is {seconds}")
            expect(closed.get("session.id") == call.id, "it names another session")
        with context.deciding("live.close.socket"):
            await connection.ended()


@scenario("live.close.bounded")
async def _a_close_in_the_middle_of_a_word(context: ScenarioContext) -> None:
    """A session is closed while the assistant speaks."""
    async with live_call(context) as call:
        connection = call.connection
        try:
            await connection.send(append("commentary", LONG_COMMENTARY))
            await spoken(connection)
        except Violation as fault:
            raise Undecided(str(fault)) from fault
        with context.deciding("live.close.bounded"):
            began_s = connection.now_s
            closed = await connection.answer({"type": "session.close"}, "session.closed")
            took_s = closed.at_s - began_s
            expect(took_s <= _DRAIN_S, f"session.closed comes after {took_s:.1f} s")


@scenario("live.error.never_placed")
async def _an_append_without_audio(context: ScenarioContext) -> None:
    """An append in a session whose timeline stands still, and a close."""
    async with context.open() as connection:
        await connection.answer(start(context), "session.started")
        appended = await connection.send(append("thinking", "It rains."))
        await connection.send({"type": "session.close"})
        connection.rewind(len(connection.trace.messages) - 2)
        with context.deciding("live.error.never_placed"):
            connection.last_id = appended
            answer = await connection.until("error", "session.thinking.appended", "session.closed")
            context.check_rejection("live.error.never_placed", connection, answer)


@scenario("live.expired")
async def _a_session_without_audio(context: ScenarioContext) -> None:
    """A session is started, and nothing is sent."""
    async with context.open() as connection:
        await connection.answer(start(context), "session.started")
        with context.deciding("live.expired"):
            connection.timeout_s = max(_EXPIRY_S, connection.timeout_s)
            closed = await connection.until("session.closed")
            expect(closed.get("reason") == "expired", f"it is closed with reason {closed.get('reason')}")


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _a_close,
    _a_close_in_the_middle_of_a_word,
    _an_append_without_audio,
    _a_session_without_audio,
)
