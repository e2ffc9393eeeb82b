"""What all events share: base64 audio as the wire carries it, bases that are no events, classes that are sealed."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from types import new_class

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import UnknownRealtimeEvent, events
from duologue.events import ClientEvent, RealtimeEvent, ServerEvent, TranslationEvent, WireObject
from duologue.events.base import decode_audio, encode_audio


@given(st.binary())
def test_audio_comes_back(audio: bytes) -> None:
    assert decode_audio(encode_audio(audio)) == audio


def test_a_field_that_is_not_base64_is_named() -> None:
    with pytest.raises(ValueError, match=r"^audio field is not base64 .4 characters.$"):
        decode_audio("AA=A")


DAMAGED = UnknownRealtimeEvent(json={"type": "response.done", "response": "text"}, problem="Expected `object`")


def test_a_field_of_an_event_that_could_not_be_read_says_why_it_is_not_there() -> None:
    # A wire name selects a class for type checkers; a server may send the name with something else inside.
    assert str(DAMAGED.type) == DAMAGED.wire_type == "response.done"
    with pytest.raises(AttributeError, match=r"^no field 'response', because the event could not be read: Expected"):
        getattr(DAMAGED, "response")  # noqa: B009  # for type checkers it has none
    assert getattr(DAMAGED, "response", None) is None


def test_an_event_that_could_not_be_read_is_copied_and_pickled_like_others() -> None:
    assert copy.deepcopy(DAMAGED) == copy.copy(DAMAGED) == pickle.loads(pickle.dumps(DAMAGED)) == DAMAGED


@pytest.mark.parametrize("base", [RealtimeEvent, ServerEvent, ClientEvent, TranslationEvent])
def test_a_base_is_no_event(base: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="is a base of events and no event"):
        base(**({"event_id": "e"} if base is ServerEvent else {}))


@pytest.mark.parametrize(
    "name", sorted(name for name in events.__all__ if isinstance(getattr(events, name), type)), ids=str
)
def test_what_decoding_yields_cannot_be_extended_elsewhere(name: str) -> None:
    base = getattr(events, name)
    if issubclass(base, WireObject):
        with pytest.raises(TypeError, match="UnknownRealtimeEvent"):
            new_class("Mine", (base,), exec_body=lambda body: body.update(__module__="elsewhere"))
