"""Appends and their places on the timeline."""

from __future__ import annotations

from duologue.events.live import LiveCommentaryAppendEvent, LiveInstructionsAppendEvent, LiveThinkingAppendEvent
from duologue.protocol.live.server.appends import PendingAppends
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.outgoing import PRIMARY


def test_appends_are_placed_one_behind_the_other() -> None:
    appends = PendingAppends(LiveDefaults())
    appends.add(LiveThinkingAppendEvent(content="x" * 2_000, delegation_id=None), PRIMARY, 1_000)
    appends.add(LiveInstructionsAppendEvent(content="Speak French.", delegation_id=None), PRIMARY, 1_100)
    assert appends.rules == ["Speak French."]
    assert appends.due(1_900) == []
    (first,) = appends.due(1_960)
    assert (first.start_ms, first.end_ms) == (1_000, 1_960)
    (second,) = appends.due(3_000)
    assert (second.start_ms, second.end_ms) == (1_960, 2_562)


def test_an_append_is_confirmed_in_its_own_words() -> None:
    appends = PendingAppends(LiveDefaults())
    appends.add(LiveCommentaryAppendEvent(content="Tuesday.", delegation_id=None, event_id="c1"), "side", 0)
    assert (len(appends), appends.commentaries) == (1, 1)
    (append,) = appends.take_all()
    assert append.confirmed("event_1").to_json() == {
        "type": "session.commentary.appended",
        "event_id": "event_1",
        "client_event_id": "c1",
        "start_ms": 0,
        "end_ms": 601,
    }
    assert append.source == "side"
