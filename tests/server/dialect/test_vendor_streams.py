"""Transcripts that a vendor repeats as a whole, heartbeats, and items that only Voice Live says to be done."""

from __future__ import annotations

from typing import Any

from duologue.server.dialect.vendor_streams import VendorStream
from duologue.testing import CountedIds
from tests.protocol._wire import server_event
from tests.server.dialect.test_adapter import Spoken

DELTA = "conversation.item.input_audio_transcription.delta"


def delta(item_id: str, words: str) -> Any:
    return server_event(DELTA, item_id=item_id, content_index=0, delta=words)


def test_xai_repeats_a_transcript_from_its_beginning() -> None:
    stream = VendorStream("xai", new_id=CountedIds())
    frames = [stream.in_place_of(delta(*each)) for each in (("a", "How "), ("b", "Yes"), ("a", "are you?"))]
    assert [frame and (frame["item_id"], frame["transcript"]) for frame in frames] == [
        ("a", "How "),
        ("b", "Yes"),
        ("a", "How are you?"),
    ]
    names = [frame["type"] for frame in frames if frame is not None]
    assert names == ["conversation.item.input_audio_transcription.updated"] * 3


def test_a_transcript_that_is_complete_is_forgotten_and_few_are_kept_of_those_that_are_not() -> None:
    stream = VendorStream("xai", new_id=CountedIds())
    stream.in_place_of(delta("a", "How "))
    done = "conversation.item.input_audio_transcription.completed"
    usage = {"type": "duration", "seconds": 1}
    assert stream.in_place_of(server_event(done, item_id="a", content_index=0, transcript="How", usage=usage)) is None
    for number in range(100):
        stream.in_place_of(delta(f"item_{number}", "word"))
    frame = stream.in_place_of(delta("item_0", " two"))
    assert frame is not None
    assert frame["transcript"] == " two"


def test_other_dialects_send_the_delta() -> None:
    assert VendorStream("openai", new_id=CountedIds()).in_place_of(delta("a", "How ")) is None


def test_voice_live_says_of_speech_alone_that_it_is_done() -> None:
    spoken = Spoken("azure-voice-live")
    spoken.reported()
    content: list[dict[str, Any]] = [{"type": "input_text", "text": "hi"}]
    item = {"type": "message", "role": "user", "content": content}
    typed = spoken.say(type="conversation.item.create", item=item)
    assert [frame["type"] for frame in typed] == ["conversation.item.created"]
    spoken.say(type="session.update", session={"turn_detection": None})
    spoken.say(type="input_audio_buffer.append", audio="AAAA" * 3200)
    committed = spoken.say(type="input_audio_buffer.commit")
    assert [frame["type"] for frame in committed] == [
        "input_audio_buffer.committed",
        "conversation.item.created",
        "conversation.item.done",
    ]
