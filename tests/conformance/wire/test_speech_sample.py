"""The recorded sentence."""

from __future__ import annotations

from duologue.conformance.wire.speech_sample import BYTES_PER_MS, append_of, speech
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent


def test_the_sentence_is_three_seconds_of_pcm_and_an_append_carries_it_whole() -> None:
    assert abs(len(speech()) / BYTES_PER_MS - 3000) < 50
    event = RealtimeEvent.from_json(dict(append_of(speech())))
    assert isinstance(event, InputAudioBufferAppendEvent)
    assert event.decode_audio() == speech()
