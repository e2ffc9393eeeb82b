"""A server of an unknown vendor is read, whatever it leaves out and whichever era it mixes."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from duologue import UnknownRealtimeEvent, catalogue, connect
from duologue.client.dialect_detection import DialectDetector
from duologue.client.event_reader import MessageReader
from duologue.events import (
    ErrorEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioTranscriptionCompletedEvent,
    RealtimeEvent,
    RealtimeSession,
    RealtimeSessionConfig,
    ResponseAudioDeltaEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseTextDeltaEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
)
from duologue.transports import memory_pair

LOGGER = "duologue.client"


def read(frame: dict[str, Any], *, dialect: str = "auto", url: str | None = None) -> RealtimeEvent:
    detector = DialectDetector(dialect, url=url)
    return MessageReader(detector).read(json.dumps(frame), dialect=detector.dialect)


COMPLETED = "conversation.item.input_audio_transcription.completed"

IN_THE_WILD: list[tuple[dict[str, Any], type[RealtimeEvent]]] = [
    # Lemonade: ids, usage and times are missing.
    ({"type": "session.created", "session": {"model": "Whisper-Tiny"}}, SessionCreatedEvent),
    ({"type": "input_audio_buffer.speech_started"}, InputAudioBufferSpeechStartedEvent),
    ({"type": COMPLETED, "transcript": "hello"}, InputAudioTranscriptionCompletedEvent),
    # Sarvam through LiteLLM.
    ({"type": COMPLETED, "event_id": "e", "item_id": "i", "transcript": "x"}, InputAudioTranscriptionCompletedEvent),
    # HF speech-to-speech, Kyutai's unmute, GoModel.
    ({"type": "response.output_audio.delta", "delta": "AAAA"}, ResponseAudioDeltaEvent),
    ({"type": "response.audio.delta", "delta": "AAAA"}, ResponseAudioDeltaEvent),
    ({"type": "response.text.delta", "delta": "a", "response_id": "r"}, ResponseTextDeltaEvent),
    ({"type": "session.updated"}, SessionUpdatedEvent),
    ({"type": "response.done", "response": {"id": "r", "output": [{"type": "message"}]}}, ResponseDoneEvent),
    (
        {"type": "response.function_call_arguments.done", "name": "f", "arguments": {"a": 1}},
        ResponseFunctionCallArgumentsDoneEvent,
    ),
    ({"type": "input_audio_buffer.speech_started", "audio_start_ms": 12.4}, InputAudioBufferSpeechStartedEvent),
]


@pytest.mark.parametrize(("frame", "kind"), IN_THE_WILD, ids=range(len(IN_THE_WILD)))
def test_frames_that_servers_shorten_are_typed(frame: dict[str, Any], kind: type[RealtimeEvent]) -> None:
    assert type(read(frame)) is kind
    assert type(read(frame, url="ws://127.0.0.1:13305/v1/realtime?model=Whisper-Tiny")) is kind


@pytest.mark.parametrize(("frame", "kind"), IN_THE_WILD, ids=range(len(IN_THE_WILD)))
def test_a_dialect_that_was_named_or_recognised_stays_strict(frame: dict[str, Any], kind: type[RealtimeEvent]) -> None:
    assert isinstance(read(frame, dialect="openai"), UnknownRealtimeEvent)
    assert isinstance(read(frame, url="wss://api.openai.com/v1/realtime?model=gpt-realtime"), UnknownRealtimeEvent)


def _shortened(frame: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The frame without each of its fields, and with null in the place of each, at every depth."""
    for path in _paths(frame):
        if path == ("type",) or isinstance(path[-1], int):
            continue
        for null in (False, True):
            shorter: Any = copy.deepcopy(frame)
            place = shorter
            for step in path[:-1]:
                place = place[step]
            if null:
                place[path[-1]] = None
            else:
                del place[path[-1]]
            yield shorter


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield (*path, step)
        yield from _paths(each, (*path, step))


SERVER_EVENTS = [entry for entry in catalogue.events() if entry.key.startswith("realtime:server:")]


@pytest.mark.parametrize("entry", SERVER_EVENTS, ids=[entry.wire for entry in SERVER_EVENTS])
def test_any_field_of_any_event_may_be_missing_or_null(entry: catalogue.EventEntry) -> None:
    if entry.wire == "input_audio_buffer.dtmf_event_received":
        return  # SIP calls of the hosted service have it and no other server
    for frame in _shortened(catalogue.examples()[entry.key]):
        event = read(frame)
        assert type(event).__name__ == entry.class_name, frame


def test_nothing_is_invented_beyond_what_is_missing() -> None:
    event = read({"type": COMPLETED, "transcript": "hello", "language": "en"})
    assert event == InputAudioTranscriptionCompletedEvent(
        event_id="", item_id="", content_index=0, transcript="hello", usage=None, extra=event.extra
    )
    assert dict(event.extra) == {"language": "en"}


def test_one_warning_for_each_type_says_what_is_missing_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    reader = MessageReader(DialectDetector())
    with caplog.at_level(logging.WARNING, logger=LOGGER):
        for frame in (*(frame for frame, _ in IN_THE_WILD), *(frame for frame, _ in IN_THE_WILD)):
            reader.read(json.dumps(frame), dialect="openai")
    warned = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert len(warned) == len({text.partition(" ")[0] for text in warned}) == 8
    (completed,) = [text for text in warned if text.startswith(COMPLETED)]
    assert "it lacks event_id, item_id, content_index, usage" in completed
    assert "dialect=" in completed
    assert "hello" not in completed


def test_what_no_dialect_has_stays_unknown() -> None:
    for frame in ({"type": "kyutai.word"}, {"no": "type"}, {"type": COMPLETED, "transcript": 7}):
        assert isinstance(read(frame), UnknownRealtimeEvent)


# --- both eras behind one URL ----------------------------------------------------------------------------------------

BETA_SESSION = {"id": "s", "object": "realtime.session", "model": "m", "modalities": ["text"], "voice": "alloy"}
GA_SESSION = {"type": "realtime", "id": "s", "object": "realtime.session", "output_modalities": ["text"]}

MIXED: list[dict[str, Any]] = [
    {"type": "session.updated", "event_id": "e2", "session": BETA_SESSION},
    {"type": "session.updated", "event_id": "e3", "session": GA_SESSION},
    {"type": "response.text.delta", "event_id": "e4", "response_id": "r", "item_id": "i", "output_index": 0,
     "content_index": 0, "delta": "a"},
    {"type": "response.output_text.delta", "event_id": "e5", "response_id": "r", "item_id": "i", "output_index": 0,
     "content_index": 0, "delta": "b"},
    {"type": "conversation.item.created", "event_id": "e6",
     "item": {"id": "i", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "ab"}]}},
    {"type": "conversation.item.done", "event_id": "e7",
     "item": {"id": "i", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ab"}]}},
    {"type": "response.done", "event_id": "e8", "response": {"id": "r", "modalities": ["text"], "status": "completed"}},
]  # fmt: skip


@pytest.mark.parametrize("greeting", [BETA_SESSION, GA_SESSION], ids=["beta", "ga"])
async def test_both_eras_are_read_in_one_session(greeting: dict[str, Any]) -> None:
    ours, theirs = memory_pair()
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        for frame in ({"type": "session.created", "event_id": "e1", "session": greeting}, *MIXED):
            await theirs.send(json.dumps(frame))
            event = await connection.receive()
            assert not isinstance(event, UnknownRealtimeEvent), event.problem
            if isinstance(event, SessionCreatedEvent | SessionUpdatedEvent):
                assert isinstance(event.session, RealtimeSession)
                assert event.session.output_modalities == ["text"]


REFUSALS = [
    (GA_SESSION, "Unknown parameter: 'session.output_modalities'.", {"modalities": ["text"]}),
    (BETA_SESSION, "Missing required parameter: 'session.type'.", {"type": "realtime", "output_modalities": ["text"]}),
]


@pytest.mark.parametrize(("greeting", "message", "again"), REFUSALS, ids=["ga", "beta"])
async def test_what_is_sent_follows_what_the_server_takes(
    greeting: dict[str, Any], message: str, again: dict[str, Any]
) -> None:
    ours, theirs = memory_pair()
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        await theirs.send(json.dumps({"type": "session.created", "event_id": "e1", "session": greeting}))
        await connection.receive()
        update = SessionUpdateEvent(event_id="u", session=RealtimeSessionConfig(output_modalities=["text"]))
        await connection.send(update)
        await theirs.receive()
        refusal = {"type": "invalid_request_error", "message": message}
        await theirs.send(json.dumps({"type": "error", "error": refusal}))
        sent = json.loads(await theirs.receive())
        assert (sent["event_id"], sent["session"]) == ("u", again)
        # The refusal was seen to; a second one of the kind is the application's to see.
        await theirs.send(json.dumps({"type": "error", "error": refusal}))
        assert isinstance(await connection.receive(), ErrorEvent)


async def test_a_refused_value_is_no_sign_of_an_era() -> None:
    ours, theirs = memory_pair()
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        await theirs.send(json.dumps({"type": "session.created", "event_id": "e1", "session": GA_SESSION}))
        await connection.receive()
        await connection.send(SessionUpdateEvent(session=RealtimeSessionConfig(output_modalities=["text"])))
        refusal = {"type": "invalid_request_error", "code": "invalid_value", "message": "Invalid value: 'x'.",
                   "param": "session.output_modalities"}  # fmt: skip
        await theirs.send(json.dumps({"type": "error", "error": refusal}))
        assert isinstance(await connection.receive(), ErrorEvent)
        assert connection.dialect == "openai"
