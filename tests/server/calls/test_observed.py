"""A call is a session like others: it is observed, recorded, counted in memory and drained."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from duologue.server import Inspector
from duologue.server.http.auth import Keys
from duologue.testing import scripted_engines
from tests.server._session_ends import SessionEnds
from tests.server.calls._calls import calling, closed, event
from tests.server.calls.test_routes import KEY, secret

OWNER = Keys(["sesame"]).owner_of("sesame")


async def test_a_call_is_recorded_with_its_medium(tmp_path: Path) -> None:
    async with calling(record=tmp_path, api_key="sesame") as caller:
        bearer = await secret(caller, {"session": {"type": "realtime", "model": "m-1"}}, KEY)
        async with caller.call(headers=bearer) as (peer, _):
            await event(peer, "session.created")
            await peer.send('{"type":"session.update","session":{"type":"realtime","instructions":"Hum."}}')
            await event(peer, "session.updated")
    written = _text_in(tmp_path)
    lines = [json.loads(line) for line in written.splitlines()]
    header = lines[0]
    shown = {name: header[name] for name in ("medium", "family", "model", "subject")}
    assert shown == {"medium": "webrtc", "family": "realtime", "model": "m-1", "subject": OWNER}
    assert header["url"].endswith("/v1/realtime/calls")
    assert "ek_" not in written
    for kind in ("session.created", "session.update", "session.updated"):
        assert f'"type":"{kind}"' in written.replace("\\", "")


def _text_in(folder: Path) -> str:
    [file] = folder.glob("*.jsonl")
    return file.read_text(encoding="utf-8")


async def test_the_inspector_shows_the_medium() -> None:
    inspector = Inspector(keep=5)
    async with calling(taps=[inspector]) as caller, caller.call() as (peer, _):
        await event(peer, "session.created")
        [row] = [session.row() for session in inspector.sessions]
        assert (row["medium"], row["is_open"]) == ("webrtc", True)


async def test_the_end_is_observed_and_the_memory_given_back() -> None:
    ends = SessionEnds()
    async with calling(ends=ends) as caller:
        async with caller.call() as (peer, _):
            await event(peer, "session.created")
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x" * 10_000}]}
            await peer.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await event(peer, "conversation.item.done")
            assert caller.app.budget.total_bytes > 10_000
        assert await asyncio.wait_for(ends.codes.get(), 5) == 1000
        for _ in range(10):
            await asyncio.sleep(0)  # what a call measured is counted behind the end of its session
        figures = (await caller.http.get("/metrics")).text
        assert 'duologue_sessions_total{kind="realtime"} 1.0' in figures
        assert 'duologue_calls_total{connected="yes"} 1.0' in figures
        assert caller.app.budget.total_bytes == 0


async def test_what_is_turned_away_is_observed() -> None:
    ends = SessionEnds()
    async with calling(ends=ends, api_key="sesame") as caller:
        await caller.post()
        await caller.post(headers=KEY, offer="v=0")
        await caller.http.post("/v1/realtime/calls/rtc_1/hangup", headers=KEY)
    assert ends.reasons == ["no_key", "invalid_offer", "no_call"]


async def test_a_call_that_answers_is_drained_when_it_has_answered() -> None:
    async with calling() as caller, caller.call() as (peer, _):
        await event(peer, "session.created")
        await peer.send(json.dumps({"type": "response.create", "response": {"output_modalities": ["text"]}}))
        await event(peer, "response.created")
        draining = asyncio.ensure_future(caller.app.drain())
        await event(peer, "response.done")
        await closed(peer)
        await asyncio.wait_for(draining, 5)


async def test_speech_that_waits_to_be_played_is_counted_in_the_memory() -> None:
    engines = scripted_engines(responses=("One two three four five six seven.",))
    async with calling(engines=engines) as caller, caller.call() as (peer, _):
        await event(peer, "session.created")
        await peer.send(json.dumps({"type": "response.create"}))
        await event(peer, "output_audio_buffer.started")
        await event(peer, "response.done")
        assert caller.app.budget.held["backlog"] > 24_000
        await event(peer, "output_audio_buffer.stopped")
        assert caller.app.budget.held["backlog"] == 0
