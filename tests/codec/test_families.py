"""What decoding and encoding promise for Realtime, they promise for the other families too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import DecodeError
from duologue.codec.error_frames import is_error_frame
from duologue.codec.families import TRANSLATION_CLASSES, decode_translation, encode_translation
from duologue.codec.live import LIVE_CLASSES, decode_live, encode_live
from duologue.events import TranslationEvent, UnknownTranslationEvent
from duologue.events.live import LiveEvent, UnknownLiveEvent
from tests.codec.frames import examples, frame_of, json_objects, mutate, required_fields


class Codec(NamedTuple):
    """One family: its classes, and the functions that read and write it."""

    classes: Mapping[str, type[Any]]
    decode: Callable[[str | bytes], Any]
    encode: Callable[[Any], bytes]
    from_json: Callable[[Any], Any]
    unknown: type[Any]


TRANSLATION: Final = Codec(
    TRANSLATION_CLASSES, decode_translation, encode_translation, TranslationEvent.from_json, UnknownTranslationEvent
)
LIVE: Final = Codec(LIVE_CLASSES, decode_live, encode_live, LiveEvent.from_json, UnknownLiveEvent)

EVERY: Final = [(codec, name) for codec in (TRANSLATION, LIVE) for name in sorted(codec.classes)]
families = pytest.mark.parametrize("family", [TRANSLATION, LIVE], ids=["translation", "live"])
every_event = pytest.mark.parametrize(
    ("family", "name"), EVERY, ids=[f"{codec.unknown.__name__[7:-5]}-{name}" for codec, name in EVERY]
)


def as_text(fields: dict[str, Any]) -> str:
    return json.dumps(fields)


@every_event
def test_every_class_comes_back_as_it_went(family: Codec, name: str) -> None:
    @examples(20)
    @given(frame_of(name, family.classes))
    def check(fields: dict[str, Any]) -> None:
        event = family.decode(as_text(fields))
        assert type(event) is family.classes[name]
        assert event.to_json() == json.loads(family.encode(event)) == fields
        assert family.decode(family.encode(event)) == event == family.from_json(fields)
        assert hash(family.decode(family.encode(event))) == hash(event)
        assert "\n" not in repr(event)

    check()


@every_event
def test_a_required_field_is_required(family: Codec, name: str) -> None:
    @examples(5)
    @given(frame_of(name, family.classes))
    def check(fields: dict[str, Any]) -> None:
        # An error is an error whatever it lacks: tests/codec/test_error_frames.py.
        for required in () if name == "error" else required_fields(name, family.classes):
            rest = {other: value for other, value in fields.items() if other != required}
            event = family.decode(as_text(rest))
            assert type(event) is family.unknown
            assert f"`{required}`" in event.problem
            assert event.to_json() == rest

    check()


@families
def test_any_json_object_is_read_and_kept(family: Codec) -> None:
    @examples(100)
    @given(json_objects)
    def check(fields: dict[str, Any]) -> None:
        event = family.decode(as_text(fields))
        assert event.to_json() == json.loads(family.encode(event)) == fields
        hash(event)
        repr(event)

    check()


@families
def test_a_mutated_frame_never_gets_a_wrong_class_and_never_loses_anything(family: Codec) -> None:
    frames = st.sampled_from(sorted(family.classes)).flatmap(lambda name: frame_of(name, family.classes))

    @examples(300)
    @given(frames, st.data())
    def check(fields: dict[str, Any], data: st.DataObject) -> None:
        mutate(fields, data)
        event = family.decode(as_text(fields))
        name = "error" if is_error_frame(fields) else fields.get("type")
        assert type(event) in (family.classes.get(name) if isinstance(name, str) else None, family.unknown)
        assert event.to_json() == json.loads(family.encode(event)) == fields

    check()


@families
@pytest.mark.parametrize("text", ["", "null", "[]", "[1]", '"session.close"', "{", b"\xff\xfe{}x", "{}{}"])
def test_what_is_no_json_object_is_refused(family: Codec, text: str | bytes) -> None:
    with pytest.raises(DecodeError, match="not a JSON object"):
        family.decode(text)


@families
def test_an_event_is_read_from_a_mapping_or_from_text_and_from_nothing_else(family: Codec) -> None:
    frame = {"type": "session.close", "event_id": "e", "new": [1]}
    event = family.from_json(frame)
    frame["new"].append(2)  # type: ignore[attr-defined]
    assert event.to_json() == {"type": "session.close", "event_id": "e", "new": [1]}
    assert family.from_json(as_text(event.to_json())) == event
    with pytest.raises(TypeError, match="not from int"):
        family.from_json(3)


@families
@pytest.mark.parametrize("spaced", [False, True], ids=["compact", "spaced"])
def test_long_audio_is_read_as_short_audio_is(family: Codec, spaced: bool) -> None:
    frame = {"type": "session.output_audio.delta", "event_id": "e", "delta": "AAAA" * 3000}
    event: Any = None
    for fields in (frame, {**frame, "new": 1}, {**frame, "delta": "A\\u0041" * 2000}, {**frame, "more": "delta"}):
        text = json.dumps(fields, separators=None if spaced else (",", ":"))
        event = family.decode(text)
        assert type(event) is family.classes["session.output_audio.delta"]
        assert event.to_json() == fields == json.loads(family.encode(event))
        assert family.decode(text.encode()) == event
    assert "36000" not in repr(event)
