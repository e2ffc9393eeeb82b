"""A session's encodings, from its configuration."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.events import SessionUpdatedEvent
from duologue.protocol.client.audio_formats import session_encodings
from tests.protocol._wire import server_event

PCM16K = Encoding.of("audio/pcm", 16_000)


@pytest.mark.parametrize(
    ("session", "encodings"),
    [
        ({}, (PCM, PCM)),
        ({"audio": None}, (PCM, PCM)),
        ({"audio": {"input": None, "output": {"format": None}}}, (PCM, PCM)),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, (PCMU, PCM)),
        ({"audio": {"output": {"format": {"type": "audio/pcma"}}}}, (PCM, PCMA)),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}}, (PCM16K, PCM)),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 0}}}}, (None, PCM)),
        ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, (None, PCM)),
        ({"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}, (PCMU, PCM)),
        ({"type": "brand new"}, (None, None)),
    ],
    ids=["absent", "null", "empty", "input", "output", "rate", "no rate", "unknown", "transcription", "new kind"],
)
def test_absent_and_null_are_the_default_and_an_unknown_format_is_none(
    session: dict[str, Any], encodings: tuple[Encoding | None, Encoding | None]
) -> None:
    wire = {"type": "realtime", "id": "s", "object": "o", **session}
    event = server_event("session.updated", session=wire)
    assert isinstance(event, SessionUpdatedEvent)
    assert session_encodings(event.session) == encodings
