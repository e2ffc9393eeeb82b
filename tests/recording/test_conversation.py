"""Transcripts and exports of recorded sessions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duologue.errors import RecordingError
from duologue.recording import Direction, RecordedConversation, RecordingWriter, Side
from tests.client._frames import greeting, message

MESSAGE = message("item_1", "assistant", "Hello.")
FRAMES = [
    greeting(),
    {"type": "conversation.item.done", "previous_item_id": None, "item": MESSAGE},
    {"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": [MESSAGE]}},
]


@pytest.mark.parametrize(("side", "theirs", "ours"), [("client", "received", "sent"), ("server", "sent", "received")])
def test_a_recording_of_either_side_has_the_conversation(
    tmp_path: Path, side: Side, theirs: Direction, ours: Direction
) -> None:
    path = tmp_path / "session.jsonl"
    with RecordingWriter(path, side=side) as writer:
        writer.write(ours, json.dumps({"type": "response.cancel"}))
        writer.write(theirs, "no JSON")
        for number, frame in enumerate(FRAMES):
            writer.write(theirs, json.dumps({"event_id": f"event_{number}", **frame}))
    recorded = RecordedConversation(path)
    assert str(recorded.transcript()) == "assistant: Hello."
    assert [item.item_id for item in recorded.items] == ["item_1"]
    assert recorded.usage.responses == (("completed", 1),)
    assert recorded.to_json()["items"][0]["text"] == "Hello."
    assert recorded.to_json(audio=True)["items"][0]["audio"] == [None]


def test_a_file_that_is_no_recording_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Hello.\n", encoding="utf-8")
    with pytest.raises(RecordingError, match="notes"):
        RecordedConversation(path)
