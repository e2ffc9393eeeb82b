"""The translation family keeps the promises of the realtime one, with classes of its own."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from duologue import DecodeError, RealtimeEvent, decode, events
from duologue.catalogue import events as entries
from duologue.catalogue import examples
from duologue.codec import decode_translation, encode_translation
from duologue.codec.families import TRANSLATION_CLASSES

SESSION = {"type": "translation", "id": "s", "model": "m", "expires_at": 0, "audio": {"output": {"language": "es"}}}
CREATED = {"type": "session.created", "event_id": "e", "session": SESSION}
FRAMES = [examples()[entry.key] for entry in entries() if entry.api == "translation"]


def read(frame: dict[str, Any]) -> events.TranslationEvent:
    return decode_translation(json.dumps(frame))


def problem(frame: dict[str, Any]) -> str:
    event = read(frame)
    assert isinstance(event, events.UnknownTranslationEvent)
    assert event.to_json() == frame
    assert (event.type, event.event_id) == (frame.get("type"), frame.get("event_id", events.UNSET))
    return event.problem


def test_the_family_has_seven_server_events_and_three_client_events() -> None:
    kinds = [issubclass(cls, events.TranslationServerEvent) for cls in TRANSLATION_CLASSES.values()]
    assert (kinds.count(True), kinds.count(False)) == (7, 3)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["type"])
def test_a_frame_becomes_its_class_and_comes_back_the_same(frame: dict[str, Any]) -> None:
    event = read(frame)
    assert type(event) is TRANSLATION_CLASSES[frame["type"]]
    assert event == events.TranslationEvent.from_json(frame) == decode_translation(encode_translation(event))
    assert event.to_json() == json.loads(encode_translation(event)) == frame


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["type"])
def test_fields_that_nobody_knows_are_kept(frame: dict[str, Any]) -> None:
    strange = {**frame, "new": {"a": [1]}}
    event = read(strange)
    assert type(event) is TRANSLATION_CLASSES[frame["type"]]
    assert event.extra == {"new": {"a": [1]}}
    assert event.to_json() == json.loads(encode_translation(event)) == strange


def test_a_wire_name_of_both_families_means_the_shape_of_the_connection() -> None:
    here, there = read(CREATED), decode(json.dumps(CREATED))
    assert isinstance(here, events.TranslationSessionCreatedEvent)
    assert isinstance(there, events.SessionCreatedEvent)
    assert isinstance(there.session, events.UnknownSession)
    assert not issubclass(type(here), RealtimeEvent)


def test_a_session_of_another_kind_stays_inside_the_typed_event() -> None:
    event = read({**CREATED, "session": {"type": "realtime", "id": "s"}})
    assert isinstance(event, events.TranslationSessionCreatedEvent)
    assert isinstance(event.session, events.UnknownTranslationSession)


def test_events_of_the_realtime_family_are_unknown_here() -> None:
    assert problem({"type": "response.done"}) == "unknown event type 'response.done' - at `$.type`"


def test_a_known_event_that_breaks_its_shape_is_unknown_and_says_where() -> None:
    assert problem({"type": "session.closed"}) == "Object missing required field `event_id` - at `$`"
    broken = {**CREATED, "session": {**SESSION, "expires_at": "soon"}}
    assert problem(broken) == "Expected `int`, got `str` - at `$.session.expires_at`"


def test_an_event_without_a_type_is_unknown_and_has_neither_type_nor_id() -> None:
    event = read({"event_id": 7})
    assert isinstance(event, events.UnknownTranslationEvent)
    assert (event.wire_type, event.event_id) == (None, None)
    assert json.loads(encode_translation(event)) == {"event_id": 7}
    assert read({}).event_id is events.UNSET


@pytest.mark.parametrize("text", ["[]", "nothing", b"\xff"])
def test_only_what_is_no_json_object_raises(text: str | bytes) -> None:
    with pytest.raises(DecodeError):
        decode_translation(text)
    with pytest.raises(DecodeError):
        events.TranslationEvent.from_json(text)


def test_audio_goes_in_and_comes_out_as_bytes() -> None:
    append = events.TranslationInputAudioBufferAppendEvent.from_audio(b"\1\2\3\4")
    assert append.decode_audio() == b"\1\2\3\4"
    delta = events.TranslationOutputAudioDeltaEvent(event_id="e", delta=base64.b64encode(b"\5\6").decode())
    assert delta.decode_audio() == b"\5\6"
    assert "2 bytes of audio" in repr(delta)


def test_a_lone_surrogate_comes_back() -> None:
    text = '{"type":"session.input_transcript.delta","event_id":"e","delta":"\\ud83d"}'
    assert json.loads(encode_translation(decode_translation(text))) == json.loads(text)
