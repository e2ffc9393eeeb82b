"""What can be asked for, and what is said at once about what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from duologue import events, notices
from duologue.client.kinds import KindFilter
from duologue.dialects import PROFILES
from duologue.events import RealtimeEvent, ResponseDoneEvent, UnknownRealtimeEvent
from duologue.protocol.client.event_notices import EventNotices
from tests.protocol._wire import server_event

DONE = server_event("response.done", response={"id": "r"})
LOST = notices.ConnectionLost("the cable")


@pytest.mark.parametrize(
    ("kind", "notice"),
    [
        (notices.ConnectionLost, LOST),
        (notices.ConnectionLost | notices.TextDelta, LOST),
        (notices.Notice, LOST),
        (object, LOST),
        (ResponseDoneEvent, DONE),
        (RealtimeEvent, DONE),
        (events.ServerEvent, DONE),
        ("response.done", DONE),
    ],
    ids=str,
)
def test_a_kind_is_a_class_of_notices_or_of_events_or_a_wire_name(kind: Any, notice: object) -> None:
    kinds = KindFilter((kind,))
    assert kinds.matches(notice)
    assert not kinds.matches(notices.ItemDeleted("i")) or kind in (object, notices.Notice)


def test_several_kinds_are_one_filter() -> None:
    kinds = KindFilter(("response.done", notices.ConnectionLost))
    assert [kinds.matches(each) for each in (DONE, LOST, notices.ItemDeleted("i"))] == [True, True, False]
    assert str(kinds) == "response.done, ConnectionLost"


@pytest.mark.parametrize("dialect", PROFILES)
def test_every_name_that_a_dialect_has_for_an_event_of_the_server_is_a_kind(dialect: str) -> None:
    profile = PROFILES[dialect]
    theirs = [name for name, ours in profile.names.items() if not ours.endswith(("update", "append", "create"))]
    for name in (*theirs, *profile.heartbeats, *profile.twins):
        KindFilter((name,))


@pytest.mark.parametrize("name", ["response.audio.delta", "response.output_audio.delta"])
def test_an_event_is_found_under_its_historical_name_too(name: str) -> None:
    place = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    assert KindFilter((name,)).matches(server_event("response.output_audio.delta", **place, delta="AAAA"))


def test_an_event_without_a_class_is_found_under_its_name() -> None:
    ping = RealtimeEvent.from_json({"type": "ping", "event_id": "e"})
    assert isinstance(ping, UnknownRealtimeEvent)
    assert KindFilter(("ping",)).matches(ping)
    assert not KindFilter(("heartbeat",)).matches(ping)


def test_a_kind_that_is_given_as_something_else_is_rejected_with_what_to_write() -> None:
    wrong: list[tuple[Any, str]] = [
        (LOST, "an object of ConnectionLost is no kind"),
        (None, "None is no kind"),
        (EventNotices, "EventNotices is no kind"),
        (int, "int is no kind"),
        (print, "print.* is no kind"),
        (notices.ConnectionLost | int, "int is no kind"),
        (events.ResponseCreateEvent, "never reports a ResponseCreateEvent: only clients send it"),
    ]
    for kind, words in wrong:
        with pytest.raises(TypeError, match=rf"{words}.*pass a class such as"):
            KindFilter((kind,))
    with pytest.raises(TypeError, match="no kind is given"):
        KindFilter(())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("response.dome", r"did you mean 'response\.done'\?.*UnknownRealtimeEvent"),
        ("response.create", "only clients send it"),
        ("TextDelta", r"pass the class itself: duologue\.notices\.TextDelta"),
        ("ResponseDoneEvent", r"pass the class itself: duologue\.events\.ResponseDoneEvent"),
        ("", "no event of a server is known as ''"),
        ("quux", "no event of a server is known as 'quux'. One that"),
    ],
)
def test_a_name_of_no_event_is_rejected_with_what_to_write(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        KindFilter((name,))
