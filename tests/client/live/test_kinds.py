"""What `stream` and `on` of a Live session take."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.client.live.kinds import LiveKindFilter
from duologue.events import ResponseDoneEvent
from duologue.events.live import (
    LiveEvent,
    LiveInputAudioAppendEvent,
    LiveSessionPausedEvent,
    LiveSessionStartEvent,
    UnknownLiveEvent,
)
from duologue.notices import LiveNotice, TextDelta, TimeStalled

PAUSED = LiveSessionPausedEvent()
UNKNOWN = UnknownLiveEvent(json={"type": "session.new"}, problem="new")


@pytest.mark.parametrize(
    ("kind", "matching"),
    [
        (TimeStalled, {"TimeStalled"}),
        ("session.paused", {"LiveSessionPausedEvent"}),
        (LiveSessionPausedEvent, {"LiveSessionPausedEvent"}),
        (LiveNotice, {"TimeStalled"}),
        (LiveEvent, {"LiveSessionPausedEvent", "UnknownLiveEvent", "LiveInputAudioAppendEvent"}),
        (UnknownLiveEvent, {"UnknownLiveEvent"}),
        ("session.input_audio.append", {"LiveInputAudioAppendEvent"}),
    ],
)
def test_a_kind_matches_what_it_names(kind: Any, matching: set[str]) -> None:
    kinds = LiveKindFilter((kind,))
    told = [TimeStalled(3), PAUSED, UNKNOWN, LiveInputAudioAppendEvent(audio="")]
    assert {type(notice).__name__ for notice in told if kinds.matches(notice)} == matching


@pytest.mark.parametrize(
    ("kind", "fault", "words"),
    [
        (TextDelta, TypeError, "TextDelta is no kind of notice of a Live session"),
        (ResponseDoneEvent, TypeError, "no kind of notice of a Live session"),
        (LiveSessionStartEvent, TypeError, "only clients send it"),
        (PAUSED, TypeError, "no kind of notice"),
        ("session.start", ValueError, "only clients send it"),
        ("response.done", ValueError, "no event of Live is known"),
    ],
)
def test_what_cannot_come_is_refused(kind: Any, fault: type[Exception], words: str) -> None:
    with pytest.raises(fault, match=words):
        LiveKindFilter((kind,))
    with pytest.raises(TypeError, match="no kind is given"):
        LiveKindFilter(())


def test_a_misspelled_wire_name_is_told_with_the_one_that_is_meant() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'session\.usage\.updated'"):
        LiveKindFilter(("session.usage.update",))
