"""How calls are ended over HTTP."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import ScenarioContext, check_alive
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.webrtc.creation import error_in
from duologue.conformance.wire.raw_connection import RawConnection

__all__ = ["SCENARIOS"]

_OF_TELEPHONES: Final = {
    "accept": b'{"type":"realtime"}',
    "reject": b"{}",
    "refer": b'{"target_uri":"tel:+15550100"}',
}
"""Verbs for calls by telephone, with a body that they take."""

_JSON: Final = {"Content-Type": "application/json"}


@scenario("webrtc.hangup", "webrtc.telephone_verbs")
async def _a_call_is_hung_up(context: ScenarioContext) -> None:
    """By the application's server, with the id of Location; before that, verbs for telephones are refused."""
    async with context.session() as connection:
        call_id = _id_of(connection)
        with context.deciding("webrtc.telephone_verbs"):
            for verb, body in _OF_TELEPHONES.items():
                answer = await context.calls.post(body, _JSON, path=f"/{call_id}/{verb}")
                expect(400 <= answer.status < 500, f"{verb} is answered with HTTP {answer.status}")
            await check_alive(connection)
        with context.deciding("webrtc.hangup"):
            answer = await context.calls.post(b"", {}, path=f"/{call_id}/hangup")
            expect(answer.status == 200, f"HTTP {answer.status}")
            await connection.ended()


@scenario("webrtc.hangup_unknown")
async def _no_call_is_hung_up(context: ScenarioContext) -> None:
    """The id is of no call."""
    with context.deciding("webrtc.hangup_unknown"):
        answer = await context.calls.post(b"", {}, path="/rtc_conform_is_no_call/hangup")
        code = error_in(answer).get("code")
        expect((answer.status, code) == (400, "call_id_not_found"), f"HTTP {answer.status}, error.code {code}")


def _id_of(connection: RawConnection) -> str:
    call_id = connection.opened.call.call_id
    if call_id is None:
        raise Undecided("the server does not name the call")
    return call_id


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_call_is_hung_up, _no_call_is_hung_up)
