"""Reading and then writing in one dialect gives the frame back, whatever era it is of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import UnknownRealtimeEvent, decode, encode
from duologue.codec import DIALECTS
from duologue.dialects import PROFILES
from duologue.dialects.names import CANONICAL
from duologue.dialects.rules import same
from tests.codec.frames import examples, frames
from tests.dialects.mutation import mutate
from tests.dialects.vendor_frames import VENDOR_FRAMES


def comes_back(frame: dict[str, Any], dialect: str) -> None:
    event = decode(json.dumps(frame), dialect=dialect)
    # However the text is laid out, and whichever way through the codec is open to it.
    for keys_sorted in (False, True):
        other = decode(json.dumps(frame, separators=(",", ":"), sort_keys=keys_sorted), dialect=dialect)
        if isinstance(event, UnknownRealtimeEvent):
            # Of several problems the first one is reported, which depends on the order.
            assert isinstance(other, UnknownRealtimeEvent)
            assert same(other.json, event.json)
        else:
            assert other == event
    back = json.loads(encode(event, dialect=dialect))
    name = frame.get("type")
    if dialect == "openai" and isinstance(name, str) and back.get("type") == CANONICAL.get(name):
        # The one exception: the home dialect writes the six historical names in the canonical spelling.
        frame = {**frame, "type": CANONICAL[name]}
    assert same(back, frame)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_frame_of_any_vendor_comes_back_in_any_dialect(dialect: str) -> None:
    for frame in (frame for vendor in VENDOR_FRAMES.values() for frame in vendor):
        comes_back(frame, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_ga_frame_comes_back_in_any_dialect(dialect: str) -> None:
    @examples(60)
    @given(frames(), st.data())
    def check(frame: dict[str, Any], data: st.DataObject) -> None:
        comes_back(frame, dialect)
        mutate(frame, data)
        comes_back(frame, dialect)

    check()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_frame_of_their_own_comes_back_in_any_dialect(dialect: str) -> None:
    @examples(60)
    @given(frames(), st.sampled_from(DIALECTS), st.data())
    def check(frame: dict[str, Any], reader: str, data: st.DataObject) -> None:
        theirs = PROFILES[dialect].write(frame, [])
        comes_back(theirs, dialect)
        comes_back(theirs, reader)
        mutate(theirs, data)
        comes_back(theirs, dialect)
        comes_back(theirs, reader)

    check()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_damaged_frame_of_any_vendor_comes_back(dialect: str) -> None:
    everything = [frame for vendor in VENDOR_FRAMES.values() for frame in vendor]

    @examples(60)
    @given(st.sampled_from(everything), st.data())
    def check(frame: dict[str, Any], data: st.DataObject) -> None:
        damaged = json.loads(json.dumps(frame))
        mutate(damaged, data)
        comes_back(damaged, dialect)

    check()
