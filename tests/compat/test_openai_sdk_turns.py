"""Every kind of turn with the official Python SDK, async and blocking, unmodified, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest

from duologue.events.base import decode_audio
from tests.compat._sdk import Form, Sdk, sdk_session
from tests.compat._talkative import SPOKEN_MS, embedded, holding, scripted
from tests.server._listening import listening

pytestmark = [
    pytest.mark.timeout(60),
    # The SDK's, when it opens a blocking WebSocket; its newest release does so still.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

Opens: TypeAlias = Callable[..., AbstractAsyncContextManager[Sdk]]

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(params=["async", "blocking"])
def opens(request: pytest.FixtureRequest) -> Opens:
    """Opens a session with one form of the SDK."""
    form: Form = request.param

    def session(url: str, **options: Any) -> AbstractAsyncContextManager[Sdk]:
        return sdk_session(url, form, **options)

    return session


def joined(events: list[Any], name: str) -> str:
    """The deltas of this type, put together."""
    return "".join(event.delta for event in events if event.type == name)


async def test_a_typed_turn(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        events = await sdk.typed_turn("hi", type="realtime", output_modalities=["text"])
    assert (events[0].type, events[0].session.model) == ("session.created", "gpt-realtime")
    assert joined(events, "response.output_text.delta") == "This is a script."
    assert events[-1].response.status == "completed"
    assert events[-1].response.output[0].content[0].text == "This is a script."


async def test_a_turn_that_the_server_hears_begin_and_end(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        transcribing = {"transcription": {"model": "whisper-1"}}
        await sdk.call("session.update", session={"type": "realtime", "audio": {"input": transcribing}})
        await sdk.speak()
        events = await sdk.until("response.done")
    names = [event.type for event in events]
    order = ["speech_started", "speech_stopped", "committed"]
    assert [name for name in names if name.startswith("input_audio_buffer.")] == [
        f"input_audio_buffer.{name}" for name in order
    ]
    heard = [e.transcript for e in events if e.type == "conversation.item.input_audio_transcription.completed"]
    assert heard == ["what is this"]
    audio = [decode_audio(event.delta) for event in events if event.type == "response.output_audio.delta"]
    assert len(b"".join(audio)) == 48 * 60 * len("This is a script.")
    assert events[-1].response.output[0].content[0].transcript == "This is a script."


async def test_push_to_talk(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        manual = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
        await sdk.call("session.update", session={"type": "realtime", "audio": {"input": manual}})
        await sdk.speak(silence_ms=0)
        await sdk.call("input_audio_buffer.commit")
        committed = await sdk.until("conversation.item.done")
        await sdk.call("response.create")
        events = await sdk.until("response.done")
    assert [event.type for event in committed[-3:]] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert "input_audio_buffer.speech_started" not in {event.type for event in committed + events}
    assert events[-1].response.status == "completed"


async def test_cancel_and_truncate(opens: Opens) -> None:
    async with listening(holding()) as url, opens(url) as sdk:
        await sdk.call("response.create")
        begun = await sdk.until("response.output_audio.delta")
        await sdk.call("response.cancel", response_id=begun[-1].response_id)
        events = await sdk.until("response.done")
        [item] = events[-1].response.output
        await sdk.call("conversation.item.truncate", item_id=item.id, content_index=0, audio_end_ms=SPOKEN_MS // 2)
        [truncated] = await sdk.until("conversation.item.truncated")
    assert (events[-1].response.status, events[-1].response.status_details.reason) == ("cancelled", "client_cancelled")
    assert item.status == "incomplete"
    assert (truncated.item_id, truncated.audio_end_ms) == (item.id, SPOKEN_MS // 2)


async def test_barge_in(opens: Opens) -> None:
    async with listening(holding()) as url, opens(url) as sdk:
        await sdk.call("response.create")
        await sdk.until("response.output_audio.delta")
        await sdk.speak(silence_ms=0)
        started = await sdk.until("input_audio_buffer.speech_started")
        events = await sdk.until("response.done")
    assert "response.done" not in {event.type for event in started}
    assert events[-1].response.status_details.reason == "turn_detected"


async def test_a_response_out_of_band(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url) as sdk:
        await sdk.say("hi")
        await sdk.until("conversation.item.done")
        asked: dict[str, Any] = {"conversation": "none", "metadata": {"topic": "classification"}, "input": []}
        await sdk.call("response.create", response={**asked, "output_modalities": ["text"]})
        events = await sdk.until("response.done")
    names = {event.type for event in events}
    assert not any(name.startswith("conversation.item.") for name in names), names
    response = events[-1].response
    assert (response.metadata, response.conversation_id) == ({"topic": "classification"}, None)


async def test_a_function_is_called_and_its_result_answered(opens: Opens) -> None:
    async with listening(embedded()) as url, opens(url) as sdk:
        asked, session = "Call the tool get_weather with city Paris", {"tools": [WEATHER], "tool_choice": "auto"}
        events = await sdk.typed_turn(asked, type="realtime", output_modalities=["text"], **session)
        [call] = [item for item in events[-1].response.output if item.type == "function_call"]
        [done] = [event for event in events if event.type == "response.function_call_arguments.done"]
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "Rain in Paris."}
        await sdk.call("conversation.item.create", item=output)
        await sdk.call("response.create")
        answer = await sdk.until("response.done")
    assert (call.name, call.arguments, call.status) == ("get_weather", '{"city":"Paris"}', "completed")
    assert (done.call_id, done.arguments, done.item_id) == (call.call_id, call.arguments, call.id)
    assert joined(events, "response.function_call_arguments.delta") == call.arguments
    assert "Rain in Paris" in answer[-1].response.output[0].content[0].text


async def test_a_session_that_only_transcribes(opens: Opens) -> None:
    async with listening(scripted()) as url, opens(url, query={"intent": "transcription"}) as sdk:
        manual = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
        await sdk.call("session.update", session={"type": "transcription", "audio": {"input": manual}})
        greeting = await sdk.until("session.updated")
        await sdk.speak(silence_ms=0)
        await sdk.call("input_audio_buffer.commit")
        events = await sdk.until("conversation.item.input_audio_transcription.completed")
        await sdk.call("response.create")
        refused = await sdk.until("error")
    assert [event.session.type for event in greeting] == ["transcription", "transcription"]
    assert events[-1].transcript == "what is this"
    assert not any(event.type.startswith("response.") for event in [*events, *refused])
