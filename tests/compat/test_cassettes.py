"""Other people's clients, unmodified, recorded once against our server, and played with the server gone."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from duologue.events.base import encode_audio
from duologue.server import RealtimeApp
from duologue.testing.cassettes import cassette_server
from tests.compat._javascript import driven
from tests.compat._live_sdk import live_sdk
from tests.compat._sdk import Form, sdk_session
from tests.compat._talkative import embedded, interpreter, scripted
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

Talk: TypeAlias = Callable[[str], Awaitable[list[Any]]]
"""A talk with the server at a URL; returns what the client received."""


async def recorded(path: Path, application: RealtimeApp, talk: Talk) -> list[Any]:
    async with listening(application) as server, cassette_server(path, record="once", upstream=server) as url:
        return await talk(_of_realtime(url))


async def played(path: Path, talk: Talk) -> list[Any]:
    async with cassette_server(path) as url:
        return await talk(_of_realtime(url))


def _of_realtime(url: str) -> str:
    """What the helpers of these clients are given, whatever family they speak."""
    return re.sub(r"/v1/.*", "/v1/realtime", url)


def _holds_no_secret(path: Path) -> bool:
    return re.search(r"sk-|ek_|Bearer", path.read_text(encoding="utf-8")) is None


def python_sdk(form: Form, piece_ms: int = 100) -> Talk:
    async def talk(url: str) -> list[Any]:
        transcribed = {"input": {"transcription": {"model": "whisper-1"}}}
        async with sdk_session(url, form) as sdk:
            await sdk.call("session.update", session={"type": "realtime", "audio": transcribed})
            for piece, length_ms in ((LOUD, 400), (QUIET, 700)):
                for _ in range(length_ms // piece_ms):
                    await sdk.call("input_audio_buffer.append", audio=encode_audio(piece * piece_ms))
            events = await sdk.until("response.done")
            await sdk.say("And then?")
            await sdk.call("response.create", response={"metadata": {"topic": "what is next"}})
            events += await sdk.until("response.done")
        return [event.to_dict() for event in events]

    return talk


@pytest.mark.parametrize("form", ["async", "blocking"])
async def test_the_python_sdk_gets_the_same_events(tmp_path: Path, form: Form) -> None:
    path = tmp_path / "sdk.jsonl"
    first = await recorded(path, scripted(), python_sdk(form))
    # The end of the session is as far off as it was then.
    assert _without_times(await played(path, python_sdk(form))) == _without_times(first)
    assert _holds_no_secret(path)


def _without_times(events: list[Any]) -> list[Any]:
    for event in events:
        event.get("session", {}).pop("expires_at", None)
    return events


@pytest.mark.parametrize("piece_ms", [20, 50, 100])
async def test_pieces_may_have_any_length(tmp_path: Path, piece_ms: int) -> None:
    path = tmp_path / "sdk.jsonl"
    first = await recorded(path, scripted(), python_sdk("async", 20))
    assert _without_times(await played(path, python_sdk("async", piece_ms))) == _without_times(first)


async def agents(url: str) -> list[Any]:
    """A function is called, and its result answered."""
    async with driven("agents.mjs", url, "text") as client:
        await client.until("connected")
        while len(client.wire("session.updated")) < 2:  # it sends its settings again when it has seen the session
            await client.until("wire", type="session.updated")
        client.order(say="Call the tool get_weather with city Paris")
        await client.until("tool_end", result="Rain in Paris.")
        reports = await client.until("agent_end")
        while "Rain in Paris" not in reports[-1]["output"]:  # the response with the call ends, then the one about it
            reports = await client.until("agent_end")
    return [one["wire"] or one["type"] for one in client.seen if one["event"] == "wire"]


async def test_the_javascript_agents_get_the_same_events(tmp_path: Path) -> None:
    path = tmp_path / "agents.jsonl"
    first = await recorded(path, embedded(), agents)
    # It sends its first two settings in either order.
    assert _without_sessions(await played(path, agents)) == _without_sessions(first)
    assert _holds_no_secret(path)


def _without_sessions(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, str) or "session" not in event]


async def live(url: str) -> list[Any]:
    async with live_sdk(url, "async") as sdk:
        await sdk.start(model="gpt-live-1", instructions="Be brief.")
        await sdk.send_audio(LOUD * 600, silence_ms=8000)
        events = await sdk.until_said("This is a script.")
        events += await sdk.close()
    return [event.to_dict() for event in events]


async def translation(url: str) -> list[Any]:
    spanish = {"output": {"language": "es"}, "input": {"transcription": {"model": "gpt-realtime-whisper"}}}
    async with live_sdk(url, "async", "translation", model="gpt-realtime-translate") as sdk:
        events = await sdk.until("session.created")
        await sdk.call("session.update", session={"audio": spanish})
        events += await sdk.until("session.updated")
        for piece in (LOUD * 200,) * 3 + (QUIET * 200,) * 4:
            await sdk.call("session.input_audio_buffer.append", audio=encode_audio(piece))
        await sdk.call("session.close")
        events += await sdk.until("session.closed")
    return [event.to_dict() for event in events]


@pytest.mark.parametrize(("talk", "application"), [(live, scripted), (translation, interpreter)])
async def test_live_and_translation_sessions(
    tmp_path: Path, talk: Talk, application: Callable[[], RealtimeApp]
) -> None:
    path = tmp_path / "call.jsonl"
    first = await recorded(path, application(), talk)
    assert _without_times(await played(path, talk)) == _without_times(first)
    assert _holds_no_secret(path)
