"""The audio settings of sessions, current and of the beta."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.cli.turns.audio_formats import SessionAudio
from duologue.events import RealtimeEvent


@pytest.mark.parametrize(
    ("session", "settings"),
    [
        ({"type": "realtime"}, SessionAudio()),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
            SessionAudio(detects_turns=False, transcribes=False),
        ),
        (
            {
                "type": "realtime",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcmu"},
                        "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
                        "transcription": {"model": "whisper-1"},
                    }
                },
            },
            SessionAudio(input=PCMU, silence_ms=300),
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
            SessionAudio(silence_ms=8000, transcribes=False),
        ),
        (
            {"output_audio_format": "g711_ulaw", "turn_detection": None, "input_audio_transcription": None},
            SessionAudio(input=PCM, output=PCMU, detects_turns=False, transcribes=False),
        ),
        ({"type": "realtime", "audio": {"output": {"format": {"type": "audio/opus"}}}}, SessionAudio()),
    ],
    ids=["defaults", "manual", "pcmu", "semantic_vad", "beta", "unknown format"],
)
def test_settings_are_those_of_the_session(session: dict[str, Any], settings: SessionAudio) -> None:
    fields = {"id": "s", "object": "realtime.session", **session}
    event = RealtimeEvent.from_json({"type": "session.updated", "event_id": "e", "session": fields})
    assert SessionAudio().after(event) == settings
