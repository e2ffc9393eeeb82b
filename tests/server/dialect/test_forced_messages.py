"""xAI's `force_message`: spoken by itself, as its clients expect."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue.engines.base import FunctionCall
from duologue.events import RealtimeEvent
from duologue.server.dialect.forced_messages import forced_message
from duologue.testing import scripted_engines
from tests.server._listening import listening, scripted_app

pytestmark = pytest.mark.timeout(30)


def forcing(text: str = "Hello from the operator.", **item: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    fields = {"type": "force_message", "role": "assistant", "content": content, **item}
    return {"type": "conversation.item.create", "event_id": "say_1", "item": fields}


async def test_it_is_spoken_without_a_response_create_and_not_by_the_model() -> None:
    never: list[str | FunctionCall] = ["The model's words."]
    async with (
        listening(scripted_app(scripted_engines(responses=never), dialect="xai")) as url,
        websockets_connect(url) as socket,
        asyncio.timeout(5),
    ):
        await socket.send(json.dumps(forcing()))
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] != "response.done":
            frames.append(json.loads(await socket.recv()))
    names = [frame["type"] for frame in frames]
    assert "error" not in names
    assert "response.output_audio.delta" in names
    [spoken] = [frame for frame in frames if frame["type"] == "response.output_audio_transcript.done"]
    assert spoken["transcript"] == "Hello from the operator."


def test_all_that_it_may_say_is_read() -> None:
    event = RealtimeEvent.from_json(forcing("Wait.", voice="leo", interruptible=False))
    message = forced_message(event, "xai")
    assert message is not None
    assert (message.text, message.voice, message.interruptible) == ("Wait.", "leo", False)


@pytest.mark.parametrize("content", [None, [], ["x"], [{"type": "output_text", "text": 4}], 4])
def test_what_has_no_words_has_an_empty_text(content: Any) -> None:
    message = forced_message(RealtimeEvent.from_json(forcing(content=content)), "xai")
    assert message is not None
    assert message.text == ""


def test_other_items_and_other_dialects_have_none() -> None:
    typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    other = RealtimeEvent.from_json({"type": "conversation.item.create", "item": typed})
    assert forced_message(other, "xai") is None
    assert forced_message(RealtimeEvent.from_json(forcing()), "openai") is None
