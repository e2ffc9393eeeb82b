"""What is answered to whom."""

from __future__ import annotations

import json
import re

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue import connect
from duologue.server import Inspector, RealtimeApp, serving_inspector
from duologue.server.inspector import pages
from duologue.testing import scripted_engines
from tests.server._listening import listening, scripted_app
from tests.server._relays import upstream_at
from tests.server._talking import speak, until
from tests.server.inspector._looking import ask, begun, end, stream, typed

pytestmark = pytest.mark.timeout(30)


async def test_the_list_has_the_sessions_and_hears_of_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_LIST_S", 0.01)
    inspector = Inspector()
    end(begun(inspector, "sess_1"))
    async with serving_inspector(inspector) as address:
        listed = await ask(address)
        assert '"id":"sess_1"' in listed.text
        async with stream(f"{address}events") as events:
            name, told, _ = await events.next()
            assert (name, [each["id"] for each in told["sessions"]]) == ("sessions", ["sess_1"])
            begun(inspector, "sess_2")
            _, told, _ = await events.next()
            assert [(each["id"], each["is_open"]) for each in told["sessions"]] == [("sess_2", True), ("sess_1", False)]


async def test_while_nothing_happens_there_are_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_LIST_S", 0.0)
    monkeypatch.setattr(pages, "_ALIVE_S", 0.01)
    monkeypatch.setattr(pages, "_GATHER_S", 0.001)
    inspector = Inspector()
    session = begun(inspector, "sess_1")
    async with serving_inspector(inspector) as address, inspector.following("sess_1") as call:
        assert call is not None
        async with stream(f"{address}calls/sess_1/events?after={call.number}-0") as events:
            assert await events._reader.readuntil(b"\n\n") == b": \n\n"
        end(session)
        async with stream(f"{address}events") as events:
            await events.next()
            assert await events._reader.readuntil(b"\n\n") == b": \n\n"


async def test_a_call_goes_on_and_its_end_ends_the_stream() -> None:
    inspector = Inspector()
    session = begun(inspector)
    async with serving_inspector(inspector) as address:
        page = await ask(f"{address}calls/sess_1/")
        assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
        found = re.search(r'"events":"([^"]+)"', page.text)
        assert found is not None
        async with stream(f"{address}calls/sess_1/{found[1]}") as events:
            typed(session, 1.0)
            name, told, first_id = await events.next()
            assert name == "changes"
            assert told["frames"]["types"] == ["conversation.item.create", "conversation.item.added"]
            typed(session, 2.0)
            _, _, second_id = await events.next()
            end(session)
            while (ended := await events.next())[0] == "changes":
                pass
            assert ended[:2] == ("closed", {"code": 1000, "reason": "bye", "by": "client"})
            assert await events.is_over()
        # A browser whose connection broke asks for what came behind the last one.
        async with stream(f"{address}calls/sess_1/{found[1]}", Last_Event_ID=first_id) as events:
            assert (await events.next())[2] == second_id


async def test_a_session_that_ended_without_a_close_is_closed_by_the_network() -> None:
    inspector = Inspector()
    session = begun(inspector)
    session.ended()
    async with serving_inspector(inspector) as address, inspector.following("sess_1") as call:
        assert call is not None
        async with stream(f"{address}calls/sess_1/events?after={call.number}-0") as events:
            assert await events.next() == ("closed", {"code": 1006, "reason": "", "by": "network"}, "")


@pytest.mark.parametrize("after", ["7-0", "1-3"])
async def test_a_page_that_cannot_be_continued_is_told_to_be_loaded_again(after: str) -> None:
    inspector = Inspector()
    begun(inspector)
    async with serving_inspector(inspector) as address:
        await ask(f"{address}calls/sess_1/")
        async with stream(f"{address}calls/sess_1/events?after={after}") as events:
            name, told, _ = await events.next()
            assert name == "reload"
            assert told["why"]
            assert await events.is_over()
        async with stream(f"{address}calls/gone/events?after=1-0") as events:
            assert (await events.next())[0] == "reload"


async def test_a_session_that_is_given_up_ends_its_stream() -> None:
    inspector = Inspector(keep=1)
    begun(inspector)
    async with serving_inspector(inspector) as address, inspector.following("sess_1") as call:
        assert call is not None
        async with stream(f"{address}calls/sess_1/events?after={call.number}-0") as events:
            begun(inspector, "sess_2")
            name, told, _ = await events.next()
            assert (name, "newer ones" in told["why"]) == ("reload", True)
        assert (await ask(f"{address}calls/sess_1/")).status == 404


async def test_too_many_calls_are_not_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.server.inspector.inspector._MAX_FOLLOWED", 1)
    inspector = Inspector()
    begun(inspector, "sess_1")
    begun(inspector, "sess_2")
    async with serving_inspector(inspector) as address, inspector.following("sess_1"):
        assert (await ask(f"{address}calls/sess_2/")).status == 503
        async with stream(f"{address}calls/sess_2/events?after=1-0") as events:
            assert (await events.next())[0] == "reload"


async def test_a_call_that_cannot_be_folded_any_more_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.server.inspector.followed_call._MAX_LINES", 0)
    inspector = Inspector()
    begun(inspector)
    typed(inspector.sessions[0], 1.0)
    async with serving_inspector(inspector) as address, inspector.following("sess_1"):
        inspector.sessions[0].lines.max_bytes = 100
        typed(inspector.sessions[0], 2.0)
        assert (await ask(f"{address}calls/sess_1/")).status in (200, 410)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("frames/0", 200),
        ("frames/99", 404),
        ("frames/x", 404),
        ("audio/user/0-1000", 204),
        ("audio/user/1000-0", 204),
        ("audio/none/0-1000", 404),
        ("events?after=x", 400),
        ("nothing", 404),
    ],
)
async def test_what_else_is_asked_for(path: str, status: int) -> None:
    inspector = Inspector()
    begun(inspector)
    async with serving_inspector(inspector) as address:
        await ask(f"{address}calls/sess_1/")
        got = await ask(f"{address}calls/sess_1/{path}")
        assert got.status == status
        if status == 200:
            assert json.loads(got.body)["type"] == "session.created"
        assert (await ask(f"{address}nothing")).status == 404


@pytest.mark.parametrize("relayed", [False, True], ids=["served", "relayed"])
async def test_a_spoken_turn_of_any_client_is_seen_and_heard(relayed: bool) -> None:
    inspector = Inspector()
    engines = scripted_engines(transcripts=["how are you"], responses=["I am fine."])
    async with (
        serving_inspector(inspector) as address,
        listening(scripted_app(engines, taps=() if relayed else (inspector,))) as served,
        listening(RealtimeApp(upstream=upstream_at(served), taps=(inspector,))) as relay,
        connect(relay if relayed else served) as connection,
    ):
        await ask(address)
        await until(connection, "session.created")
        await speak(connection)
        await until(connection, "response.done")
        (session,) = inspector.sessions
        page = await ask(f"{address}calls/{session.session_id}/")
        assert '"answer_text":"I am fine."' in page.text
        for side in ("user", "model"):
            wav = await ask(f"{address}calls/{session.session_id}/audio/{side}/0-30000")
            assert wav.body.startswith(b"RIFF")
            assert wav.headers["Content-Type"] == "audio/wav"


@pytest.mark.parametrize("path", ["/v1/live/sessions", "/v1/realtime/translations?model=gpt-realtime-translate"])
async def test_sessions_of_the_other_families_have_a_page_too(path: str) -> None:
    inspector = Inspector()
    async with serving_inspector(inspector) as address, listening(scripted_app(taps=(inspector,))) as url:
        async with websockets_connect(url.replace("/v1/realtime", path)) as socket:
            if "live" in path:
                await socket.send(json.dumps({"type": "session.start", "session": {"model": "gpt-live-1"}}))
            started = json.loads(await socket.recv())["type"]
            assert started in ("session.started", "session.created")
        (session,) = inspector.sessions
        page = await ask(f"{address}calls/{session.session_id}/")
        assert page.status == 200
        assert f'"{started}":1' in page.text
        assert session.header.family in ("live", "translation")
