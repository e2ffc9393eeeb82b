"""Audio deltas are written as `encode` writes them, byte by byte."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from duologue.codec import encode
from duologue.codec.audio_deltas import AudioDeltaWriter
from duologue.events import RealtimeEvent, ResponseAudioDeltaEvent
from duologue.events.base import encode_audio

ids = st.text(max_size=12) | st.from_regex(r"[A-Za-z0-9_]{1,21}", fullmatch=True) | st.sampled_from(["a", "b", "", '"'])
"""Those that JSON escapes among them, and the same ones again and again."""


@st.composite
def deltas(draw: st.DrawFn) -> ResponseAudioDeltaEvent:
    return ResponseAudioDeltaEvent(
        event_id=draw(ids),
        response_id=draw(ids),
        item_id=draw(ids),
        output_index=draw(st.integers(0, 2)),
        content_index=draw(st.integers(0, 2)),
        delta=encode_audio(draw(st.binary(max_size=64))),
    )


@given(st.lists(deltas(), max_size=8))
def test_every_delta_is_written_as_the_codec_does(events: list[ResponseAudioDeltaEvent]) -> None:
    writer = AudioDeltaWriter()
    assert [writer.write(event) for event in events] == [encode(event) for event in events]


def test_fields_that_the_class_lacks_are_written_too() -> None:
    frame: dict[str, Any] = {
        "type": "response.output_audio.delta",
        "event_id": "event_1",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "AAAA",
    }
    plain, extended = RealtimeEvent.from_json(frame), RealtimeEvent.from_json({**frame, "loudness": 3})
    assert isinstance(plain, ResponseAudioDeltaEvent)
    assert isinstance(extended, ResponseAudioDeltaEvent)
    for events in ((plain, extended, plain), (extended, plain, extended)):
        writer = AudioDeltaWriter()
        assert [writer.write(event) for event in events] == [encode(event) for event in events]
