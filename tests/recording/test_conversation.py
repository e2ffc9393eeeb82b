"""Transcripts and exports of recorded sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


def added_and_done(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.done", "previous_item_id": None, "item": item}


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


def test_items_that_were_sent_again_to_another_connection_are_there_once(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    question = message("item_0", "user", "Hello?")
    again = [{**question, "id": "new_1"}, {**MESSAGE, "id": "new_2"}, {**question, "id": "new_3"}]
    with RecordingWriter(path) as writer:
        for frame in (FRAMES[0], added_and_done(question), *FRAMES[1:]):
            writer.write("received", json.dumps({"event_id": "event_1", **frame}))
        writer.closed(1006, by="network")
        writer.connected(connection=2)
        writer.write("received", json.dumps({"event_id": "event_2", **greeting("sess_2")}), connection=2)
        writer.write("sent", json.dumps({"type": "session.update", "session": {"type": "realtime"}}), connection=2)
        for item in again:
            writer.write("sent", json.dumps({"type": "conversation.item.create", "item": item}), connection=2)
        writer.write("sent", json.dumps({"type": "response.cancel"}), connection=2)
        for item in again:
            writer.write(
                "received", json.dumps({"event_id": f"event_{item['id']}", **added_and_done(item)}), connection=2
            )
    recorded = RecordedConversation(path)
    assert str(recorded.transcript()).splitlines() == ["user: Hello?", "assistant: Hello.", "user: Hello?"]
    assert [item.item_id for item in recorded.items] == ["item_0", "item_1", "new_3"]


def test_a_recording_is_read_in_the_dialect_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with RecordingWriter(path, dialect="openai-beta") as writer:
        frame = {"type": "conversation.item.created", "previous_item_id": None, "item": MESSAGE, "event_id": "event_1"}
        writer.write("received", json.dumps(frame))
    assert [item.item_id for item in RecordedConversation(path).items] == ["item_1"]
