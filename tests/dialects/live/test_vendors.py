"""What each vendor of Live sends is read as the one model of Live, and comes back as it came."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.codec import LossyTranslationWarning, decode_live, encode_live
from duologue.codec.live import LIVE_CLASSES, translate_live
from duologue.dialects import LIVE_PROFILES
from duologue.dialects.rules import same
from duologue.events.live import (
    LiveAudio,
    LiveEvent,
    LiveInputAudioAppendEvent,
    LivePcmAudioFormat,
    LiveResponsesDelegation,
    LiveSessionClosedEvent,
    LiveSessionConfig,
    LiveSessionStartedEvent,
    LiveSessionStartEvent,
    UnknownLiveEvent,
)
from tests.codec.frames import examples, frame_of
from tests.dialects.live.vendor_frames import VENDOR_FRAMES
from tests.dialects.mutation import mutate

QWEN = "qwen-audio-live"

OF_THEIR_OWN = {
    "kugel": {"kugel.response.cancelled"},
    QWEN: {"session.created", "session.event", "session.item.create"},
}
"""Events without a counterpart, which stay unknown."""

EVERYTHING = [frame for frames in VENDOR_FRAMES.values() for frame in frames]
CASES = [(dialect, index) for dialect, frames in VENDOR_FRAMES.items() for index in range(len(frames))]
dialects = pytest.mark.parametrize("dialect", LIVE_PROFILES)
live_frames = st.sampled_from(sorted(LIVE_CLASSES)).flatmap(lambda name: frame_of(name, LIVE_CLASSES))


def comes_back(frame: dict[str, Any], dialect: str) -> None:
    event = decode_live(json.dumps(frame), dialect=dialect)
    # However the text is laid out, and whichever way through the codec is open to it.
    other = decode_live(json.dumps(frame, separators=(",", ":"), sort_keys=True).encode(), dialect=dialect)
    if isinstance(event, UnknownLiveEvent):
        assert isinstance(other, UnknownLiveEvent)  # of several problems the first one is reported
        assert same(other.json, event.json)
    else:
        assert other == event
    with warnings.catch_warnings():
        warnings.simplefilter("error", LossyTranslationWarning)
        assert same(json.loads(encode_live(event, dialect=dialect)), frame)


def read(name: str, dialect: str = QWEN) -> LiveEvent:
    frame = next(frame for frame in VENDOR_FRAMES[dialect] if frame["type"] == name)
    return decode_live(json.dumps(frame), dialect=dialect)


def test_every_dialect_has_frames_to_prove_it() -> None:
    assert VENDOR_FRAMES.keys() == LIVE_PROFILES.keys()


@pytest.mark.parametrize(("dialect", "index"), CASES)
def test_a_vendors_frame_is_typed_unless_nobody_else_has_its_like(dialect: str, index: int) -> None:
    frame = VENDOR_FRAMES[dialect][index]
    event = decode_live(json.dumps(frame), dialect=dialect)
    own = frame["type"] in OF_THEIR_OWN.get(dialect, set())
    assert isinstance(event, UnknownLiveEvent) is own
    assert event.extra.frame is None  # the rules alone give it back


@dialects
def test_a_frame_of_any_vendor_comes_back_in_any_dialect(dialect: str) -> None:
    for frame in EVERYTHING:
        comes_back(frame, dialect)


@dialects
def test_a_frame_of_any_event_comes_back_in_any_dialect(dialect: str) -> None:
    @examples(60)
    @given(live_frames, st.data())
    def check(frame: dict[str, Any], data: st.DataObject) -> None:
        comes_back(frame, dialect)
        comes_back(LIVE_PROFILES[dialect].write(frame, []), dialect)
        mutate(frame, data)
        comes_back(frame, dialect)

    check()


@dialects
def test_a_damaged_frame_of_any_vendor_comes_back(dialect: str) -> None:
    @examples(60)
    @given(st.sampled_from(EVERYTHING), st.data())
    def check(frame: dict[str, Any], data: st.DataObject) -> None:
        damaged = json.loads(json.dumps(frame))
        mutate(damaged, data)
        comes_back(damaged, dialect)

    check()


def test_the_flat_session_of_qwen_is_that_of_a_start() -> None:
    start = read("session.update")
    assert isinstance(start, LiveSessionStartEvent)
    assert isinstance(start.session.audio, LiveAudio)
    assert start.session.audio.format == LivePcmAudioFormat(rate=16_000)
    assert isinstance(start.session.delegation, LiveResponsesDelegation)
    assert start.session.extra["turn_detection"] == {"type": "duplex"}
    started = read("session.updated")
    assert isinstance(started, LiveSessionStartedEvent)
    assert started.client_event_id == start.event_id
    assert started.session.id == "sess_1"


def test_an_end_without_a_reason_ends_the_session_all_the_same() -> None:
    event = read("session.closed")
    assert isinstance(event, LiveSessionClosedEvent)
    assert event.reason == ""


def test_a_start_for_qwen_leaves_out_and_reports_what_it_does_not_have() -> None:
    start = LiveSessionStartEvent(
        event_id="c1",
        session=LiveSessionConfig(model="m", store=True, audio=LiveAudio(format=LivePcmAudioFormat(rate=24_000))),
    )
    written = translate_live(start, dialect=QWEN)
    assert written.frame == {"type": "session.update", "event_id": "c1", "session": {"model": "m"}}
    assert sorted(written.lost) == ["session.audio.format", "session.store"]
    with pytest.warns(LossyTranslationWarning, match=r"session\.start.*session\.store"):
        assert json.loads(encode_live(start, dialect=QWEN)) == written.frame


def test_settings_of_one_vendor_are_not_sent_to_another() -> None:
    start = read("session.start", "kugel")
    written = translate_live(start, dialect="openai-live")
    assert written.frame is not None
    assert "kugel" not in written.frame["session"]
    assert written.lost == ("session.kugel",)
    assert translate_live(start, dialect="kugel").lost == ()


def test_a_command_that_a_vendor_lacks_is_reported_as_a_whole() -> None:
    event = decode_live('{"type":"decision.item.delete","item_id":"i"}')
    assert translate_live(event, dialect=QWEN).frame is None


def test_audio_for_any_vendor_takes_the_short_way() -> None:
    event = LiveInputAudioAppendEvent.from_audio(bytes(3200))
    assert {encode_live(event, dialect=dialect) for dialect in LIVE_PROFILES} == {encode_live(event)}


def test_a_dialect_that_is_none_of_live_is_named_with_those_that_are() -> None:
    for call in (lambda: decode_live("{}", dialect="qwen"), lambda: encode_live(read("session.close"), dialect="qwen")):
        with pytest.raises(ValueError, match=r"no dialect 'qwen' of Live; known: openai-live, .*qwen-audio-live"):
            call()
