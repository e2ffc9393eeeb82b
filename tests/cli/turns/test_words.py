"""Words, joined from deltas and whole texts."""

from __future__ import annotations

from typing import Any

from duologue.cli.turns.words import Words
from duologue.events import RealtimeEvent

PLACE = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}


def _words(*events: dict[str, Any]) -> Words:
    words = Words()
    for event in events:
        words.add(RealtimeEvent.from_json({"event_id": "e", **event}))
    return words


def test_a_whole_text_replaces_its_deltas() -> None:
    deltas = [{"type": "response.output_text.delta", "delta": text, **PLACE} for text in ("Good ", "dai")]
    assert _words(*deltas).server == "Good dai"
    assert _words(*deltas, {"type": "response.output_text.done", "text": "Good day.", **PLACE}).server == "Good day."


def test_transcripts_of_several_items_keep_their_order() -> None:
    completed = "conversation.item.input_audio_transcription.completed"
    usage = {"type": "duration", "seconds": 1.0}
    items = [
        {"type": completed, "item_id": item, "content_index": 0, "transcript": text, "usage": usage}
        for item, text in (("item_1", "One"), ("item_2", "two."))
    ]
    assert _words(*items).user == "One two."
