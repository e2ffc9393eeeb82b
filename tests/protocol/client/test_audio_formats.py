"""A session's encodings, from whatever its server said."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.events import RealtimeEvent, SessionUpdatedEvent
from duologue.protocol.client.audio_formats import session_encodings

PCM16K = Encoding.of("audio/pcm", 16_000)


@pytest.mark.parametrize(
    ("session", "encodings"),
    [
        ({}, (PCM, PCM)),
        ({"audio": None}, (PCM, PCM)),
        ({"audio": {"input": None, "output": {"format": None}}}, (PCM, PCM)),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, (PCMU, PCM)),
        ({"audio": {"output": {"format": {"type": "audio/pcma"}}}}, (PCM, PCMA)),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
            (Encoding.of("audio/pcm", 16_000), PCM),
        ),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 0}}}}, (None, PCM)),
        ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, (None, PCM)),
        ({"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}, (PCMU, PCM)),
        ({"type": "brand new"}, (None, None)),
    ],
    ids=["absent", "null", "empty", "input", "output", "rate", "no rate", "unknown", "transcription", "new kind"],
)
def test_what_is_not_said_is_the_default_and_what_is_not_known_is_none(
    session: dict[str, Any], encodings: tuple[Encoding | None, Encoding | None]
) -> None:
    wire = {"type": "realtime", "id": "s", "object": "o", **session}
    event = RealtimeEvent.from_json({"type": "session.updated", "event_id": "e", "session": wire})
    assert isinstance(event, SessionUpdatedEvent)
    assert session_encodings(event.session) == encodings
