"""The official JavaScript agents package, unmodified, against our server over a WebSocket.

What it insists on is what these tests are worth: the full echo of its session, an item for each output, the place of
each item in history, transcripts, and no error that it did not cause.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.events.base import encode_audio
from duologue.server import McpAccess, RealtimeApp
from tests.compat._javascript import Driven, driven
from tests.compat._talkative import embedded, holding, scripted
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening
from tests.server._tool_server import tool_server

pytestmark = pytest.mark.timeout(60)


@asynccontextmanager
async def agent(application: RealtimeApp, modality: str = "audio", *more: str) -> AsyncGenerator[Driven, None]:
    """A connected session of the package whose configuration the server has confirmed."""
    async with listening(application) as url, driven("agents.mjs", url, modality, *more) as client:
        await client.until("connected")
        while not (tools := client.wire("session.updated")) or not tools[-1]["session"]["tools"]:
            await client.until("wire", type="session.updated")
        yield client


def speak(client: Driven, *, ms: int = 400, silence_ms: int = 4500) -> None:
    """Speech through the package's own way of sending audio, and silence for longer than any `semantic_vad` waits.

    The package asks for that one by itself.
    """
    for piece, length_ms in ((LOUD, ms), (QUIET, silence_ms)):
        for _ in range(length_ms // 100):
            client.order(audio=encode_audio(piece * 100))


def history(client: Driven) -> list[dict[str, Any]]:
    """The conversation as the package has it."""
    items: list[dict[str, Any]] = [one for one in client.seen if one["event"] == "history"][-1]["items"]
    return items


def words(item: dict[str, Any]) -> str:
    """What an item of the package's history says."""
    return " ".join(part.get("text") or part.get("transcript") or "" for part in item["content"])


async def test_its_session_is_echoed_in_full() -> None:
    async with agent(scripted()) as client:
        session = client.wire("session.updated")[-1]["session"]
    assert [tool["name"] for tool in session["tools"]] == ["get_weather"]
    assert session["instructions"] == "You know the weather."
    assert session["audio"]["input"]["turn_detection"]["interrupt_response"] is True


async def test_a_text_turn() -> None:
    async with agent(scripted(), "text") as client:
        client.order(say="hi")
        reports = await client.until("agent_end")
        assert reports[-1]["output"] == "This is a script."
        client.order(say="again")
        await client.until("agent_end")
    said = [(item["role"], words(item)) for item in history(client)]
    turn = [("user", "hi"), ("assistant", "This is a script.")]
    assert said == [*turn, ("user", "again"), turn[1]]


async def test_a_spoken_turn() -> None:
    async with agent(scripted()) as client:
        speak(client)
        reports = await client.until("agent_end")
    audio_bytes = sum(one["bytes"] for one in reports if one["event"] == "audio")
    assert audio_bytes == 48 * 60 * len("This is a script.")
    assert "audio_stopped" in [one["event"] for one in reports]
    said = [(item["role"], words(item)) for item in history(client)]
    assert said == [("user", "what is this"), ("assistant", "This is a script.")]


async def test_push_to_talk() -> None:
    async with agent(scripted()) as client:
        manual = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        client.order(send={"type": "session.update", "session": manual})
        await client.until("wire", type="session.updated")
        speak(client, silence_ms=0)
        client.order(send={"type": "input_audio_buffer.commit"})
        client.order(send={"type": "response.create"})
        await client.until("agent_end")
    assert [words(item) for item in history(client)] == ["what is this", "This is a script."]
    assert not client.wire("input_audio_buffer.speech_started")


async def test_interrupting_by_call_cancels_and_truncates() -> None:
    async with agent(holding()) as client:
        client.order(say="talk")
        await client.until("audio")
        client.order(interrupt=True)
        await client.until("agent_end")
        if not client.wire("conversation.item.truncated"):
            await client.until("wire", type="conversation.item.truncated")
    assert client.wire("response.done")[-1]["response"]["status"] == "cancelled"
    assert "audio_interrupted" in [one["event"] for one in client.seen]


async def test_interrupting_by_voice_is_the_server_s_work_and_the_package_only_truncates() -> None:
    async with agent(holding()) as client:
        client.order(say="talk")
        await client.until("audio")
        speak(client, silence_ms=0)
        await client.until("audio_interrupted")
        if not client.wire("conversation.item.truncated"):
            await client.until("wire", type="conversation.item.truncated")
        if not client.wire("response.done"):
            await client.until("wire", type="response.done")
    [done] = client.wire("response.done")
    assert done["response"]["status_details"]["reason"] == "turn_detected"


async def test_a_function_is_called_and_its_result_answered() -> None:
    async with agent(embedded(), "text") as client:
        client.order(say="Call the tool get_weather with city Paris")
        reports = await client.until("tool_end")
        assert reports[-1]["result"] == "Rain in Paris."
        reports = await client.until("agent_end")
        if "Rain in Paris" not in reports[-1]["output"]:  # the response with the call ends, and then the one about it
            reports = await client.until("agent_end")
    assert "Rain in Paris" in reports[-1]["output"]
    [call] = [item for item in history(client) if item["type"] == "function_call"]
    assert (call["status"], call["name"], call["output"]) == ("completed", "get_weather", "Rain in Paris.")


async def test_tools_of_mcp_servers_are_listed_called_and_allowed() -> None:
    async with tool_server() as it, agent(embedded(mcp=McpAccess(it.url)), "text", it.url) as client:
        [*_, listed] = await client.until("mcp_tools")
        assert {"add", "wait"} <= set(listed["names"])
        client.order(say="Call the tool add with a 2 and b 3")
        [*_, called] = await client.until("mcp_call")
        assert (called["name"], called["output"]) == ("add", "5")
        await client.until("agent_end", output="The tool returned 5.")
        client.order(say="Call the tool wait")
        await client.until("asked", name="wait")
        [*_, called] = await client.until("mcp_call")
        assert (called["name"], called["output"]) == ("wait", "at last")
        await client.until("agent_end", output="The tool returned at last.")
