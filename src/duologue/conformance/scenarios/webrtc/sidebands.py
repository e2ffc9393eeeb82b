"""Second connections to the session of a call, from a server of the application's."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Violation, expect
from duologue.conformance.scenario_context import ScenarioContext, check_alive
from duologue.conformance.scenarios.base import Scenario, ask, finish, scenario
from duologue.errors import ConnectFailed

__all__ = ["SCENARIOS"]

_WORDS: Final = "Answer like a sideband."


@scenario("sideband.greeting", "sideband.events", "sideband.commands", "sideband.no_audio", "sideband.leaves")
async def _a_sideband_of_a_call(context: ScenarioContext) -> None:
    """It sees what the call sees, and may send what the call may send; its end is not the call's."""
    async with context.session(output_modalities=["audio"]) as connection:
        async with context.join(connection) as sideband:
            with context.deciding("sideband.greeting"):
                await sideband.until("session.created")
                first = next(sideband.trace.received(), None)
                expect(first is not None and first.type == "session.created", f"{first and first.type} comes first")
            with context.deciding("sideband.commands"):
                update = {"type": "session.update", "session": {"type": "realtime", "instructions": _WORDS}}
                await sideband.answer(update, "session.updated")
                seen = await connection.until("session.updated")
                expect(seen.get("session.instructions") == _WORDS, "the call's session has not changed")
            with context.deciding("sideband.events"):
                response = await finish(connection, await ask(connection, "Say hello."))
                sideband.rewind(0)
                done = await sideband.until("response.done", about=[response.id])
                expect(done.get("response.id") == response.id, "another response is done on the sideband")
                own, other = (
                    [each.event.get("event_id") for each in side.about(response.id) if each.side == "S"]
                    for side in (connection, sideband)
                )
                missing = [each for each in own[: own.index(done.event.get("event_id"))] if each not in other]
                expect(not missing, f"{len(missing)} events about the response did not come to the sideband")
            with context.deciding("sideband.no_audio"):
                expect(not any(sideband.trace.received("response.output_audio.delta")), "it gets audio deltas")
        with context.deciding("sideband.leaves"):
            await check_alive(connection)


@scenario("sideband.unknown")
async def _a_sideband_of_no_call(context: ScenarioContext) -> None:
    """The id is of no call."""
    with context.deciding("sideband.unknown"):
        try:
            transport = await context.calls.join("rtc_conform_is_no_call")
        except ConnectFailed as fault:
            expect(fault.status == 404, f"HTTP {fault.status}")
            return
        await transport.close()
        raise Violation("the server opens it")


@scenario("sideband.ends")
async def _the_call_of_a_sideband_ends(context: ScenarioContext) -> None:
    """The page closes its connection."""
    async with context.session() as connection, context.join(connection) as sideband:
        await sideband.until("session.created")
        await connection.opened.call.close()
        with context.deciding("sideband.ends"):
            code, _ = await sideband.ended()
            expect(code in (1000, 1001), f"it is closed with {code}")


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_sideband_of_a_call, _a_sideband_of_no_call, _the_call_of_a_sideband_ends)
