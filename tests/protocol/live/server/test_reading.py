"""What a client sends, before it is carried out."""

from __future__ import annotations

import json

import pytest

from duologue.events.live import LiveInputAudioMuteEvent, LiveSessionUpdateEvent
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.live.server.reading import accept, event_id_of, read_message, reference_to
from tests.protocol.live.server._session import encoded, quiet

LIMITS = LiveDefaults(max_event_bytes=20_000, max_event_objects=10)


def test_audio_does_not_count_towards_the_length_of_an_event() -> None:
    clip = json.dumps({"type": "session.output_audio.fixture.play", "audio": encoded(quiet(10_000))})
    assert read_message(clip, LIMITS).type == "session.output_audio.fixture.play"
    with pytest.raises(RefusedCommand):
        read_message(json.dumps({"type": "session.close", "event_id": "x" * 30_000}), LIMITS)
    with pytest.raises(RefusedCommand):
        read_message(json.dumps({"audio": "x" * 30_000, "type": "session.close"}), LIMITS)


def test_objects_in_one_event_are_limited() -> None:
    message = {"role": "user", "content": [{"text": "x"}]}
    frame = {"type": "session.start", "session": {"model": "m", "input": [message] * 10}}
    with pytest.raises(RefusedCommand, match="10 objects"):
        accept(read_message(json.dumps(frame), LIMITS), LIMITS)


def test_fields_of_an_update_are_judged_where_the_fixed_ones_are_known() -> None:
    frame = {"type": "session.update", "session": {"model": "x"}}
    assert isinstance(accept(read_message(json.dumps(frame), LIMITS), LIMITS), LiveSessionUpdateEvent)


def test_an_id_that_is_too_long_or_no_text_is_not_repeated() -> None:
    assert event_id_of(LiveInputAudioMuteEvent(event_id="x" * 513)) is None
    assert event_id_of(None) is None
    assert reference_to(LiveInputAudioMuteEvent(event_id="c1")) == "c1"
