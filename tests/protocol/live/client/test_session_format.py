"""The encodings of a Live session, from what the server says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.codec import decode_live
from duologue.events.live import LiveSessionStartedEvent
from duologue.protocol.live.client.session_format import session_encodings

PCM_16K = replace(PCM, rate_hz=16_000)


def encodings(audio: Any, usual: tuple[Encoding, Encoding] = (PCM, PCM)) -> tuple[Encoding, Encoding]:
    session = {"id": "live_1"} if audio is None else {"id": "live_1", "audio": audio}
    event = decode_live(msgspec.json.encode({"type": "session.started", "event_id": "e", "session": session}))
    assert isinstance(event, LiveSessionStartedEvent)
    return session_encodings(event.session, usual)


@pytest.mark.parametrize(
    ("audio", "expected"),
    [
        ({"format": {"type": "audio/pcm", "rate": 16_000}}, PCM_16K),
        ({"format": {"type": "audio/pcm"}}, PCM),
        ({"format": {"type": "audio/pcmu", "rate": 8000}}, PCMU),
        ({"format": {"type": "audio/pcma"}}, PCMA),
        ({"format": {"type": "audio/opus"}}, PCM),
        ({"format": {"type": "audio/pcm", "rate": -1}}, PCM),
        ({"output": {"voice": "marin"}}, PCM),
        (None, PCM),
    ],
)
def test_one_format_is_that_of_both_directions(audio: Any, expected: Encoding) -> None:
    assert encodings(audio) == (expected, expected)


def test_an_output_that_is_always_another_one_stays() -> None:
    assert encodings({"format": {"type": "audio/pcm", "rate": 16_000}}, (PCM_16K, PCM)) == (PCM_16K, PCM)
