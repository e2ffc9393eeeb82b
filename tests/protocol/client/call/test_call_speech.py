from __future__ import annotations

import msgspec

from duologue.audio.formats import PCM, PCMU
from duologue.codec import decode
from duologue.events import AudioPart, OutputTextPart, ResponseAudioDeltaEvent, ResponseContentPartAddedEvent
from duologue.protocol.client.call.call_speech import CallSpeech

PART = ResponseContentPartAddedEvent(
    event_id="event_1", response_id="resp_1", item_id="item_1", output_index=2, content_index=1, part=AudioPart()
)


def delta_of(message: str | None) -> ResponseAudioDeltaEvent:
    assert message is not None
    event = decode(message)
    assert isinstance(event, ResponseAudioDeltaEvent)
    return event


def test_sound_belongs_to_the_first_part_with_audio() -> None:
    speech = CallSpeech("resp_1", encoding=PCM)
    text = msgspec.structs.replace(PART, item_id="item_0", part=OutputTextPart(text=""))
    speech.part_added(text)
    assert not speech.has_part
    assert speech.delta(b"\1\2", event_id="event_2") is None
    speech.part_added(PART)
    speech.part_added(msgspec.structs.replace(PART, item_id="item_2"))
    delta = delta_of(speech.delta(b"\1\2", event_id="event_3"))
    assert (delta.event_id, delta.response_id, delta.item_id) == ("event_3", "resp_1", "item_1")
    assert (delta.output_index, delta.content_index, delta.decode_audio()) == (2, 1, b"\1\2")
    assert speech.rest(event_id="event_4") is None


def test_what_a_resampler_holds_back_comes_at_the_end() -> None:
    speech = CallSpeech("resp_1", encoding=PCMU)
    speech.part_added(PART)
    first = delta_of(speech.delta(bytes(4800), event_id="event_2")).decode_audio()
    rest = delta_of(speech.rest(event_id="event_3")).decode_audio()
    assert len(first + rest) == 800
    assert speech.rest(event_id="event_4") is None
