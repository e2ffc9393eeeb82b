"""What decoding and encoding promise for every frame there is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import RealtimeEvent, UnknownRealtimeEvent, decode, encode
from duologue.codec import CANONICAL, EVENT_CLASSES
from duologue.codec.error_frames import is_error_frame
from duologue.events import ErrorEvent
from tests.codec.frames import examples, frame_of, frames, json_objects, mutate, required_fields


def as_text(fields: dict[str, Any]) -> str:
    return json.dumps(fields)


@pytest.mark.parametrize("type_name", sorted(EVENT_CLASSES))
def test_every_class_comes_back_as_it_went(type_name: str) -> None:
    @examples(20)
    @given(frame_of(type_name))
    def check(fields: dict[str, Any]) -> None:
        event = decode(as_text(fields))
        assert type(event) is EVENT_CLASSES[type_name]
        assert event.to_json() == json.loads(encode(event)) == fields
        assert decode(encode(event)) == event == RealtimeEvent.from_json(fields)
        assert hash(decode(encode(event))) == hash(event)
        assert "\n" not in repr(event)

    check()


@pytest.mark.parametrize("type_name", sorted({*EVENT_CLASSES} - {"error"}))
def test_a_required_field_is_required(type_name: str) -> None:
    @examples(5)
    @given(frame_of(type_name))
    def check(fields: dict[str, Any]) -> None:
        for name in required_fields(type_name):
            rest = {other: value for other, value in fields.items() if other != name}
            event = decode(as_text(rest))
            assert isinstance(event, UnknownRealtimeEvent)
            assert f"`{name}`" in event.problem
            assert event.to_json() == rest

    check()


@examples(100)
@given(json_objects)
def test_any_json_object_is_read_and_kept(fields: dict[str, Any]) -> None:
    event = decode(as_text(fields))
    assert event.to_json() == json.loads(encode(event)) == fields
    hash(event)
    repr(event)


@examples(100)
@given(json_objects, st.sampled_from([*EVENT_CLASSES, *CANONICAL]))
def test_any_object_under_a_known_name_is_either_typed_whole_or_not_at_all(fields: dict[str, Any], name: str) -> None:
    fields["type"] = name
    event = decode(as_text(fields))
    canonical = CANONICAL.get(name, name)
    assert type(event) in (EVENT_CLASSES[canonical], UnknownRealtimeEvent)
    if not isinstance(event, UnknownRealtimeEvent):
        fields["type"] = canonical
    assert event.to_json() == fields


@examples(300)
@given(frames(), st.data())
def test_a_mutated_frame_never_gets_a_wrong_class_and_never_loses_anything(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    mutate(fields, data)
    event = decode(as_text(fields))
    name = fields.get("type")
    expected = EVENT_CLASSES.get(CANONICAL.get(name, name)) if isinstance(name, str) else None
    assert type(event) in (ErrorEvent if is_error_frame(fields) else expected, UnknownRealtimeEvent)
    if isinstance(name, str) and not isinstance(event, UnknownRealtimeEvent):
        fields["type"] = CANONICAL.get(name, name)
    assert event.to_json() == json.loads(encode(event)) == fields
