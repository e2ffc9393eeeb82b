"""Events in short."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.cli.turns.describe import describe
from duologue.events import RealtimeEvent


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"type": "error", "error": {"type": "t", "code": "bad", "message": "Not so."}}, "bad: Not so."),
        ({"type": "input_audio_buffer.speech_started", "item_id": "i", "audio_start_ms": 40}, "from 40 ms"),
        (
            {"type": "conversation.item.done", "item": {"type": "function_call", "name": "f", "arguments": "{}"}},
            "calls f",
        ),
        (
            {"type": "response.done", "response": {"status": "failed", "status_details": {"error": {"code": "busy"}}}},
            "failed: busy",
        ),
        (
            {"type": "response.done", "response": {"status": "completed", "usage": {"total_tokens": 7}}},
            "completed, 7 tokens",
        ),
        (
            {
                "type": "session.updated",
                "session": {"type": "realtime", "id": "s", "object": "realtime.session", "model": "m"},
            },
            "m",
        ),
        ({"type": "response.sparkle"}, "unknown event type 'response.sparkle' - at `$.type`"),
        ({"type": "input_audio_buffer.cleared"}, ""),
    ],
)
def test_the_text_of_an_event_is_what_its_name_does_not_say(event: dict[str, Any], text: str) -> None:
    assert describe(RealtimeEvent.from_json({"event_id": "e", **event})) == text
