"""`duologue serve` in a dialect, and as a relay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import duologue
from duologue.client.live.urls import primary_url
from duologue.errors import ConnectionClosed
from duologue.events import RealtimeEvent
from duologue.recording import RecordingTransport, RecordingWriter
from duologue.transports.websocket import open_websocket
from tests.cli.conftest import SCRIPTED, Command, Place, serving

RESPOND = {"type": "response.create", "response": {"output_modalities": ["text"]}}


async def types_of_a_turn(url: str, dialect: str) -> list[str | None]:
    names: list[str | None] = []
    async with duologue.connect(url, dialect=dialect) as connection:
        await connection.send(RealtimeEvent.from_json(RESPOND))
        while "response.done" not in names:
            names.append((await connection.receive(timeout=5)).type)
    return names


async def test_it_answers_in_the_dialect_that_was_asked_for() -> None:
    with serving("--dialect", "openai-beta", *SCRIPTED) as url:
        names = await types_of_a_turn(url, "openai-beta")
    assert names[:2] == ["session.created", "conversation.created"]
    assert "conversation.item.created" in names


async def test_as_a_relay_it_carries_a_turn_to_another_server_in_another_dialect(scripted_server: Place) -> None:
    arguments = ("--upstream", scripted_server.url, "--upstream-model", "theirs", "--dialect", "openai-beta")
    with serving(*arguments, DUOLOGUE_UPSTREAM_KEY=scripted_server.api_key) as url:
        names = await types_of_a_turn(url, "openai-beta")
    assert names[:2] == ["session.created", "conversation.created"]
    assert names[-1] == "response.done"


async def test_as_a_relay_it_asks_for_a_session_that_only_transcribes_without_the_operator_s_model(
    scripted_server: Place,
) -> None:
    arguments = ("--upstream", scripted_server.url, "--upstream-model", "theirs", "--dialect", "openai-beta")
    with serving(*arguments, DUOLOGUE_UPSTREAM_KEY=scripted_server.api_key) as url:
        async with duologue.connect(url, dialect="openai-beta", intent="transcription") as connection:
            greeting = (await connection.receive(timeout=5)).to_json()
    assert greeting["type"] == "session.created"
    assert greeting["session"]["type"] == "transcription"


async def test_the_upstream_s_key_is_in_no_log_at_the_chattiest_level(
    scripted_server: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--upstream", scripted_server.url, "--dialect", "openai-beta", "--log-level", "debug")
    with serving(*arguments, DUOLOGUE_UPSTREAM_KEY=scripted_server.api_key) as url:
        assert (await types_of_a_turn(url, "openai-beta"))[-1] == "response.done"
    logged = capfd.readouterr().err
    assert "session opened" in logged
    assert scripted_server.api_key not in logged


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--dialect", "klingon"], "no dialect 'klingon'; known: openai, openai-beta"),
        (["--upstream-model", "m"], "belong to --upstream URL"),
        (["--upstream", "ws://h", "--upstream-dialect", "klingon"], "no dialect 'klingon'"),
        (["--upstream", "ws://h", "--responder", "embedded"], "engines, --llm and --mcp have no effect"),
        (["--upstream", "ws://h", "--translator", "echo"], "engines, --llm and --mcp have no effect"),
        (["--upstream", "ws://h", "--mcp", "*"], "engines, --llm and --mcp have no effect"),
    ],
)
def test_options_that_contradict_each_other_are_one_sentence(
    arguments: list[str], sentence: str, command: Command
) -> None:
    assert sentence in command("serve", *arguments, code=2).err


async def test_live_passes_a_relay_and_its_recording_is_read(
    scripted_server: Place, tmp_path: Path, command: Command
) -> None:
    arguments = ("--upstream", scripted_server.url)
    file = tmp_path / "live.jsonl"
    with serving(*arguments, DUOLOGUE_UPSTREAM_KEY=scripted_server.api_key) as url, RecordingWriter(file) as writer:
        socket = RecordingTransport(await open_websocket(primary_url(url.removesuffix("/realtime"))), writer)
        await socket.send('{"type":"session.start","session":{"model":"gpt-live-1"}}')
        async with asyncio.timeout(10):
            assert '"session.started"' in str(await socket.receive())
            await socket.send('{"type":"session.close"}')
            assert '"session.closed"' in str(await socket.receive())
            with pytest.raises(ConnectionClosed) as closed:
                await socket.receive()
    assert closed.value.code == 1000
    assert command("check", file).out.startswith(f"{file}: 4 frames, 0 unknown, 0 problems")
