"""Live sessions with the official JavaScript SDK, unmodified, against our server, and its grouping of what was said."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.events.base import decode_audio, encode_audio
from duologue.protocol.live.client.notices import Speaker, UtteranceEnded
from duologue.protocol.live.client.transcript import TranscriptGrouper
from tests.compat._javascript import Driven, driven
from tests.compat._live_sdk import CHECKS, Endpoint
from tests.compat._talkative import embedded, scripted
from tests.server._engines import LOUD
from tests.server._listening import listening

pytestmark = pytest.mark.timeout(60)

MODEL = "gpt-live-1"
SPOKEN = LOUD * 600
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
RESPONSES = {"type": "responses", "responses": {"model": "gpt-5", "tools": [TOOL]}}


@asynccontextmanager
async def live_ws(
    url: str, way: str = "on", endpoint: Endpoint = "primary", session_id: str = ""
) -> AsyncGenerator[Driven, None]:
    """A session of the SDK. What it has seen is held against the Python types: JavaScript's are gone at run time."""
    async with driven(
        "live.mjs", url.replace("ws://", "http://").removesuffix("/realtime"), way, endpoint, session_id
    ) as js:
        yield js
        for report in js.seen:
            if report["event"] == "wire":
                CHECKS[endpoint](report["wire"])


async def started(js: Driven, **session: Any) -> dict[str, Any]:
    js.order(type="session.start", session=session)
    await js.until("wire", type="session.started")
    session_object: dict[str, Any] = js.wire("session.started")[0]["session"]
    return session_object


def send_audio(js: Driven, pcm: bytes, *, silence_ms: int = 0) -> None:
    audio = pcm + bytes(48 * silence_ms)
    for start in range(0, len(audio), 9600):
        js.order(type="session.input_audio.append", audio=encode_audio(audio[start : start + 9600]))


async def until_said(js: Driven, text: str) -> None:
    while text not in said(js):
        await js.until("wire", type="session.output_transcript.delta")


def said(js: Driven) -> str:
    return "".join(event["delta"] for event in js.wire("session.output_transcript.delta"))


async def closed(js: Driven) -> None:
    """Close the session; the socket must end with 1000 and nothing unsent."""
    js.order(type="session.close", event_id="close")
    [*_, report] = await js.until("closed")
    assert (report["code"], report["unsent"]) == (1000, 0)
    assert js.wire("session.closed")[0]["client_event_id"] == "close"


def groups(js: Driven) -> list[tuple[str, str]]:
    """What the SDK's own grouper made of the transcript."""
    return [(one["speaker"], one["text"].strip()) for one in js.seen if one["event"] == "group"]


def our_groups(js: Driven) -> list[tuple[str, str]]:
    """What ours makes of it."""
    speakers: dict[str, Speaker] = {
        "session.input_transcript.delta": "user",
        "session.output_transcript.delta": "assistant",
    }
    grouper, notices = TranscriptGrouper(), list[Any]()
    for report in js.seen:
        if report.get("type") in speakers:
            wire = report["wire"]
            speaker = speakers[report["type"]]
            notices += grouper.add(
                speaker, wire["delta"], wire["start_ms"], wire["end_ms"], now=wire["start_ms"] / 1000
            )
    utterances = [one.utterance for one in [*notices, *grouper.end()] if isinstance(one, UtteranceEnded)]
    return [(one.speaker, one.text) for one in utterances if not one.backchannel]


@pytest.mark.parametrize("way", ["on", "stream"])
async def test_a_spoken_exchange_and_its_utterances(way: str) -> None:
    async with listening(scripted()) as url, live_ws(url, way) as js:
        session = await started(js, model=MODEL)
        send_audio(js, SPOKEN, silence_ms=8000)
        await until_said(js, "This is a script.")
        await closed(js)
    assert session["model"] == MODEL
    assert any(b"".join(decode_audio(event["delta"]) for event in js.wire("session.output_audio.delta")))
    assert js.wire("session.closed")[0]["usage"]["seconds"] > 0
    assert groups(js) == our_groups(js) == [("user", "what is this"), ("assistant", "This is a script.")]


async def test_appends_a_fixture_and_mute() -> None:
    async with listening(scripted()) as url, live_ws(url) as js:
        await started(js, model=MODEL)
        send_audio(js, b"", silence_ms=12_000)
        for kind in ("instructions", "thinking", "commentary"):
            js.order(type=f"session.{kind}.append", content="It comes.", delegation_id=None, event_id=kind)
            await js.until("wire", type=f"session.{kind}.appended")
            assert js.wire(f"session.{kind}.appended")[0]["client_event_id"] == kind
        await until_said(js, "It comes.")
        js.order(type="session.output_audio.fixture.play", audio=encode_audio(LOUD * 200))
        await js.until("wire", type="session.output_audio.fixture.played")
        for verb in ("mute", "unmute"):
            js.order(type=f"session.input_audio.{verb}")
            await js.until("wire", type=f"session.input_audio.{verb}d")
        js.order(type="session.start", session={"model": MODEL}, event_id="again")
        await js.until("wire", type="error")
        await closed(js)
    assert js.wire("error")[0]["error"]["client_event_id"] == "again"


async def test_a_delegated_function_is_called_and_its_output_answered() -> None:
    heard = "Call the tool get weather with city Paris"
    async with listening(embedded(heard)) as url, live_ws(url) as js:
        await started(js, model=MODEL, delegation=RESPONSES)
        send_audio(js, SPOKEN, silence_ms=15_000)
        while not any(one["event"]["type"] == "response.completed" for one in js.wire("response.event")):
            await js.until("wire", type="response.event")
        [item] = [
            one["event"]["item"]
            for one in js.wire("response.event")
            if one["event"]["type"] == "response.output_item.done"
        ]
        output = {"type": "function_call_output", "call_id": item["call_id"], "output": "Rain in Paris."}
        js.order(type="response.item.create", item=output)
        js.order(type="response.create")
        await until_said(js, "Rain in Paris")
        await closed(js)
    assert (item["name"], item["arguments"]) == ("get_weather", '{"city":"Paris"}')
    assert groups(js) == our_groups(js)


async def test_a_sideband_and_a_fork() -> None:
    async with listening(scripted()) as url:
        async with live_ws(url) as js:
            session = await started(js, model=MODEL, store=True)
            async with live_ws(url, "stream", "sideband", session["id"]) as sideband:
                await sideband.until("wire", type="session.started")
                send_audio(js, SPOKEN, silence_ms=6000)
                await sideband.until("wire", type="session.input_audio.append")
                await until_said(sideband, "This is a script.")
                await until_said(js, "This is a script.")
                await closed(sideband)
            await js.until("closed")
        async with live_ws(url, "on", "fork", session["id"]) as fork:
            forked = await started(fork)
            await closed(fork)
    assert (forked["model"], forked["id"] == session["id"]) == (MODEL, False)
    assert groups(sideband) == groups(js) == our_groups(js)
