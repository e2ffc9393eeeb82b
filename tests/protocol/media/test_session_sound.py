from __future__ import annotations

from typing import Any

import msgspec
import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.events import ResponseCreatedEvent, SessionUpdatedEvent
from duologue.protocol.media.session_sound import SessionSound, read_event, response_encoding, sound_of

BEFORE = SessionSound(input=PCMU, output=PCMU)


def _sound(session: dict[str, Any]) -> SessionSound:
    session = {"id": "s", "object": "o"} | session
    event = read_event(msgspec.json.encode({"type": "session.updated", "event_id": "e", "session": session}).decode())
    assert isinstance(event, SessionUpdatedEvent)
    return sound_of(event.session, BEFORE)


@pytest.mark.parametrize(
    ("session", "sound"),
    [
        ({"type": "realtime"}, SessionSound()),
        ({"type": "realtime", "audio": {}}, SessionSound()),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            SessionSound(input=Encoding.of("audio/pcm", 8000)),
        ),
        (
            {
                "type": "realtime",
                "audio": {"input": {"format": {"type": "new"}}, "output": {"format": {"type": "audio/pcm", "rate": 0}}},
            },
            BEFORE,
        ),
        (
            {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm"}}}},
            SessionSound(input=PCM, output=PCMU, interrupts=False),
        ),
        (
            {"model": "m", "input_audio_format": "pcm16", "output_audio_format": "g711_ulaw", "turn_detection": None},
            SessionSound(output=PCMU, interrupts=False),
        ),
        ({"type": "of_tomorrow"}, SessionSound(input=PCMU, output=PCMU, interrupts=False)),
    ],
)
def test_the_sound_of_a_session(session: dict[str, Any], sound: SessionSound) -> None:
    assert _sound(session) == sound


@pytest.mark.parametrize(
    ("response", "encoding"),
    [
        ({}, None),
        ({"audio": {"output": {"voice": "v"}}}, None),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, PCMU),
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 1}}}}, None),
        ({"output_audio_format": "g711_ulaw"}, PCMU),
    ],
)
def test_the_encoding_of_a_response(response: dict[str, Any], encoding: Encoding | None) -> None:
    frame = {"type": "response.created", "event_id": "e", "response": {"id": "r", "object": "o"} | response}
    event = read_event(msgspec.json.encode(frame).decode())
    assert isinstance(event, ResponseCreatedEvent)
    assert response_encoding(event) == encoding
