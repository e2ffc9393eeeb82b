"""A client's tool loop against the embedded responder: no network, no key, no language model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import duologue
from duologue.client import Connection
from duologue.engines.embedded.responder import EmbeddedResponder
from duologue.events import FunctionCallItem, ResponseDoneEvent
from duologue.server import RealtimeApp
from duologue.testing import scripted_engines
from tests.server._listening import listening, scripted_app
from tests.server._relays import upstream_at
from tests.server._talking import event, speak, typed, until

pytestmark = pytest.mark.timeout(30)

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}


def embedded(*, hears: str = "hello", **settings: Any) -> RealtimeApp:
    """An application whose answers come from the embedded responder."""
    engines = replace(scripted_engines(transcripts=(hears,)), responder=EmbeddedResponder(slow_s=0.01))
    return scripted_app(engines, **settings)


async def offered(connection: Connection, **more: Any) -> None:
    """Offer the tool, and wait until it is."""
    await until(connection, "session.created")
    session = {"type": "realtime", "output_modalities": ["text"], "tools": [WEATHER], **more}
    await connection.send(event("session.update", session=session))
    await until(connection, "session.updated")


async def done(connection: Connection) -> ResponseDoneEvent:
    events = await until(connection, "response.done")
    last = events[-1]
    assert isinstance(last, ResponseDoneEvent)
    assert last.response.status == "completed", last.response.status_details
    return last


async def call_and_result(connection: Connection) -> tuple[dict[str, Any], str]:
    """The arguments of the call that a response made, and what was said about its result."""
    response = (await done(connection)).response
    [call] = response.output or []
    assert isinstance(call, FunctionCallItem)
    assert call.name == "get_weather"
    output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius": 21}'}
    await connection.send(event("conversation.item.create", item=output))
    await connection.send(event("response.create"))
    [item] = (await done(connection)).to_json()["response"]["output"]
    [part] = item["content"]
    return json.loads(call.arguments), str(part.get("text") or part.get("transcript"))


@pytest.mark.parametrize("dialect", ["openai", "openai-beta", "azure-voice-live", "qwen", "glm", "xai"])
async def test_a_typed_call_is_made_and_its_result_said_in_each_dialect(dialect: str) -> None:
    async with (
        listening(embedded(dialect=dialect)) as url,
        duologue.connect(url, dialect=dialect) as connection,
    ):
        await offered(connection)
        await connection.send(typed("Call the tool get_weather with city Paris and days three"))
        await connection.send(event("response.create"))
        assert await call_and_result(connection) == (
            {"city": "Paris", "days": 3},
            "The tool returned celsius 21.",
        )


async def test_a_spoken_call_is_made_and_its_result_said() -> None:
    async with (
        listening(embedded(hears="Call the tool, get weather, with city New York.")) as url,
        duologue.connect(url) as connection,
    ):
        await offered(connection, output_modalities=["audio"])
        await speak(connection)
        assert await call_and_result(connection) == ({"city": "New York"}, "The tool returned celsius 21.")


@pytest.mark.parametrize(("upstream_dialect", "dialect"), [("openai-beta", "openai"), ("openai", "openai-beta")])
async def test_a_call_passes_through_a_relay(upstream_dialect: str, dialect: str) -> None:
    async with listening(embedded(dialect=upstream_dialect)) as behind:
        front = RealtimeApp(upstream=upstream_at(behind, upstream_dialect), dialect=dialect)
        async with listening(front) as url, duologue.connect(url, dialect=dialect) as connection:
            await offered(connection)
            await connection.send(typed("Call the tool get_weather with city Paris"))
            await connection.send(event("response.create"))
            assert await call_and_result(connection) == ({"city": "Paris"}, "The tool returned celsius 21.")


async def test_a_server_in_a_dialect_that_only_transcribes_transcribes_what_is_committed() -> None:
    async with (
        listening(embedded(hears="Good evening.", dialect="vllm")) as url,
        duologue.connect(url, dialect="vllm", model="voxtral") as connection,
    ):
        await until(connection, "session.created")
        await speak(connection)
        await connection.send(event("input_audio_buffer.commit"))
        [*_, reported] = await until(connection, "conversation.item.input_audio_transcription.completed")
    assert reported.to_json()["transcript"] == "Good evening."
