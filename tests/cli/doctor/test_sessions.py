"""Sessions of their own: a turn, and Live. Of a server of ours, and of those that do otherwise."""

from __future__ import annotations

import json

import pytest

from duologue.cli.doctor.sessions import live_step, turn_step
from duologue.cli.doctor.target import DoctorTarget, target_of_url
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from tests._uvicorn import under_uvicorn
from tests.cli.doctor._servers import KEY, answering_upgrades, http_response, served, text_frame


def target(port: int) -> DoctorTarget:
    return target_of_url(f"127.0.0.1:{port}", dialect="auto", api_key=KEY)


async def test_a_turn_and_live_at_a_server_of_ours() -> None:
    app = RealtimeApp(engines=scripted_app_engines(), api_key=KEY)
    async with under_uvicorn(app) as port:
        turn, live = await turn_step(target(port)), await live_step(target(port))
    assert turn.outcome == live.outcome == "ok"
    assert turn.facts["status"] == "completed"
    assert turn.facts["characters"] > 0


async def test_a_server_that_refuses_the_session_of_the_turn() -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_api_key", "message": "no"}}
    async with served(answering_upgrades(upgraded=text_frame(json.dumps(error)))) as port:
        row = await turn_step(target(port))
    assert row.outcome == "failed"
    assert "does not accept the key" in row.happened


@pytest.mark.parametrize(
    ("status", "outcome"), [("404 Not Found", "skipped"), ("501 Not Implemented", "skipped"), ("401 No", "note")]
)
async def test_a_server_without_live(status: str, outcome: str) -> None:
    async with served(answering_upgrades(refused=http_response(status))) as port:
        row = await live_step(target(port))
    assert row.outcome == outcome
    assert "key" in row.remedy if status.startswith("401") else not row.remedy
