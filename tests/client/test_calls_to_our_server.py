"""Calls of our client to our server: over HTTP on this machine, with sound and events in memory."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import pi, sin
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue import blocking
from duologue.client import client_secret, hang_up
from duologue.engines.base import FunctionCall
from duologue.errors import (
    AuthenticationFailed,
    ConnectFailed,
    ConnectionClosed,
    MissingExtra,
    ModelNotFound,
    RequestRejected,
)
from duologue.events import (
    ConversationItemTruncatedEvent,
    OutputAudioBufferClearedEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseDoneEvent,
)
from duologue.notices import AudioDelta, ErrorReported, Interrupted, ResponseFinished, UserTranscript
from duologue.recording.reader import RecordingReader
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.transports.webrtc import stacks
from duologue.transports.webrtc.memory import MemoryStack
from tests.client._waiting import no_task_left
from tests.server._listening import listening

SPEECH = array("h", [round(8000 * sin(2 * pi * 200 * n / 24_000)) for n in range(24 * 400)]).tobytes()
"""0.4 s that are loud."""

VAD = {"type": "server_vad", "silence_duration_ms": 200}
SESSION: dict[str, Any] = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": VAD, "transcription": {"model": "scripted"}}},
}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> MemoryStack:
    """The stack of both ends."""
    stack = MemoryStack()
    monkeypatch.setattr(stacks, "load_stack", lambda name=None: stack)
    return stack


@asynccontextmanager
async def server(stack: MemoryStack, *responses: str | FunctionCall, **settings: Any) -> AsyncGenerator[str, None]:
    """Our server with scripted engines; yields the URL of its calls."""
    engines = scripted_engines(responses=responses or ("Hello, this is a script.",))
    app = RealtimeApp(engines=scripted_app_engines(engines), stack=stack, **settings)
    async with no_task_left(), listening(app) as url:
        yield url.replace("ws://", "http://").split("/v1")[0] + "/v1/realtime/calls"
    assert stack.n_open == 0


async def test_a_spoken_turn_which_is_recorded_as_a_call(stack: MemoryStack, tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with server(stack) as url, duologue.converse(url, session=SESSION, record=path) as conversation:
        assert str(conversation.call_id).startswith("rtc_")
        heard: list[bytes] = []
        async with conversation.play(heard.append), conversation.stream(UserTranscript, ResponseFinished) as notices:
            await conversation.send_audio(SPEECH)
            told = {type(await asyncio.wait_for(notices.receive(), 9)) for _ in range(2)}
        assert told == {UserTranscript, ResponseFinished}
        assert str(conversation.transcript()).splitlines() == ["user: hello", "assistant: Hello, this is a script."]
        assert b"".join(heard).strip(b"\0")
    with RecordingReader(path) as recording:
        header = recording.header
    assert (header.medium, header.url) == ("webrtc", url)


async def test_an_interruption_stops_the_server_s_sound(stack: MemoryStack) -> None:
    long = "This is a long answer, which takes its time. " * 5
    async with server(stack, long) as url, duologue.converse(url) as conversation:
        async with conversation.stream(
            AudioDelta, Interrupted, ErrorReported, ConversationItemTruncatedEvent, OutputAudioBufferClearedEvent
        ) as notices:
            answering = asyncio.ensure_future(conversation.respond())
            heard = b""
            while len(heard) < 24_000:
                piece = await asyncio.wait_for(notices.receive(), 9)
                assert isinstance(piece, AudioDelta)
                heard += piece.audio
            await conversation.interrupt()
            told: set[type] = set()
            while not {Interrupted, ConversationItemTruncatedEvent, OutputAudioBufferClearedEvent} <= told:
                told.add(type(await asyncio.wait_for(notices.receive(), 9)))
            assert ErrorReported not in told
        await asyncio.wait_for(answering, 9)
        [item] = conversation.items
        assert item.truncated_at_ms is not None
        assert 300 <= item.truncated_at_ms <= 3000


async def test_a_function_and_a_barge_in_by_voice(stack: MemoryStack) -> None:
    def look_up() -> str:
        """Looks it up."""
        return "found"

    long = "This is a long answer, which takes its time. " * 5
    calls = (FunctionCall(name="look_up", arguments="{}"), long, "Yes?")
    async with (
        server(stack, *calls) as url,
        duologue.converse(url, session=SESSION, tools=[look_up]) as conversation,
        conversation.stream(
            AudioDelta, Interrupted, ErrorReported, ConversationItemTruncatedEvent, ResponseFinished
        ) as notices,
    ):
        await conversation.send_audio(SPEECH)
        seen: list[Any] = []
        while not (seen and isinstance(seen[-1], AudioDelta)):
            seen.append(await asyncio.wait_for(notices.receive(), 9))
        await conversation.send_audio(SPEECH)
        while sum(isinstance(each, ResponseFinished) for each in seen) < 3:
            seen.append(await asyncio.wait_for(notices.receive(), 9))
        kinds = {type(each) for each in seen}
        assert {Interrupted, ConversationItemTruncatedEvent} <= kinds
        assert ErrorReported not in kinds
        assert any(item.truncated_at_ms is not None for item in conversation.items)


async def test_push_to_talk_is_heard_to_its_end(stack: MemoryStack) -> None:
    session = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "scripted"}}}}
    async with (
        server(stack) as url,
        duologue.converse(url, session=session) as conversation,
        conversation.stream(UserTranscript, ErrorReported) as notices,
    ):
        await conversation.send_audio(SPEECH)
        await conversation.commit()
        await asyncio.wait_for(conversation.respond(), 9)
        assert isinstance(await asyncio.wait_for(notices.receive(), 9), UserTranscript)


async def test_the_end_of_the_input_is_told_when_it_has_been_heard(stack: MemoryStack) -> None:
    async with (
        server(stack) as url,
        duologue.converse(url, session=SESSION) as conversation,
        conversation.stream(UserTranscript) as notices,
    ):
        await conversation.send_audio(SPEECH * 2)
        await conversation.finish(timeout=9)
        assert isinstance(await asyncio.wait_for(notices.receive(), 0.1), UserTranscript)


async def test_threads_call_too(stack: MemoryStack) -> None:
    def talk(url: str) -> str:
        with blocking.converse(url, transport="webrtc", session=SESSION) as conversation:
            assert str(conversation.call_id).startswith("rtc_")
            with conversation.stream(ResponseFinished, timeout=9) as notices:
                conversation.send_audio(SPEECH, timeout=5)
                notices.receive()
            return str(conversation.transcript())

    async with server(stack) as url:
        said = await asyncio.to_thread(talk, url.removesuffix("/calls"))
    assert said.splitlines()[-1] == "assistant: Hello, this is a script."


async def test_events_alone(stack: MemoryStack) -> None:
    async with server(stack) as url, duologue.connect(url) as connection:
        await connection.response.create()
        events: list[RealtimeEvent] = []
        while not (events and isinstance(events[-1], ResponseDoneEvent)):
            events.append(await connection.receive(timeout=9))
        assert any(isinstance(event, ResponseAudioDeltaEvent) for event in events)
        assert connection.call_id is not None


async def test_a_sideband_of_ours_runs_the_functions_of_a_call(stack: MemoryStack) -> None:
    def look_up() -> str:
        """Looks it up."""
        return "found"

    calls = (FunctionCall(name="look_up", arguments="{}"), "There.")
    async with server(stack, *calls) as url, duologue.converse(url) as caller:
        async with duologue.converse(url, call_id=caller.call_id, tools=[look_up]) as sideband:
            assert sideband.call_id == caller.call_id
            async with caller.stream(ResponseFinished) as notices:
                await caller.send_text("Where is it?")
                await caller.respond()
                for _ in range(2):
                    await asyncio.wait_for(notices.receive(), 9)
            outputs = [item.item for item in caller.items if item.item.type == "function_call_output"]
            assert [getattr(item, "output", None) for item in outputs] == ["found"]
            await hang_up(url, call_id=str(caller.call_id))
            with pytest.raises((ConnectionClosed, RequestRejected)):
                await asyncio.wait_for(sideband.ask("Are you there?"), 9)
        with pytest.raises(RequestRejected, match="cannot hang up"):
            await hang_up(url, call_id="rtc_other")


async def test_keys_and_client_secrets(stack: MemoryStack) -> None:
    async with server(stack, api_key="sk-1") as url:
        with pytest.raises(AuthenticationFailed, match="does not accept the key"):
            async with duologue.connect(url, api_key="sk-2"):
                pass
        with pytest.raises(AuthenticationFailed, match="api_key="):
            async with duologue.connect(url):
                pass
        with pytest.raises(AuthenticationFailed):
            await hang_up(url, call_id="rtc_1", api_key="sk-2")
        secret = await client_secret(url.removesuffix("/calls").replace("http", "ws"), api_key="sk-1")
        async with duologue.connect(url, api_key=secret.value) as connection:
            await connection.receive(timeout=5)
        with pytest.raises(ConnectFailed) as caught:
            async with duologue.connect(url, api_key="sk-1", call_id="rtc_1"):
                pass
        assert caught.value.status == 404


async def test_a_model_that_is_not_there(stack: MemoryStack) -> None:
    async with server(stack, models=["a"]) as url:
        with pytest.raises(ModelNotFound):
            async with duologue.connect(url, model="b"):
                pass
        async with duologue.connect(url, model="a") as connection:
            await connection.receive(timeout=5)


@pytest.fixture
def without_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str | None = None) -> Any:
        raise MissingExtra("webrtc", extra="webrtc")

    monkeypatch.setattr(stacks, "load_stack", missing)


@pytest.mark.usefixtures("without_stack")
async def test_without_the_extra_it_is_named() -> None:
    with pytest.raises(MissingExtra, match="webrtc"):
        async with duologue.connect("http://127.0.0.1:9/v1/realtime/calls"):
            pass
