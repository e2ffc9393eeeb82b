"""The roots of the Live family."""

from __future__ import annotations

import pytest

from duologue import UNSET
from duologue.events.live import (
    LiveClientEvent,
    LiveEvent,
    LiveServerEvent,
    LiveSessionClosedEvent,
    LiveSessionCloseEvent,
    LiveSessionPausedEvent,
    UnknownLiveEvent,
)


@pytest.mark.parametrize("base", [LiveEvent, LiveServerEvent, LiveClientEvent])
def test_a_base_is_no_event(base: type[LiveEvent]) -> None:
    with pytest.raises(TypeError, match="is a base of events"):
        base()


def test_an_event_cannot_be_extended_elsewhere() -> None:
    with pytest.raises(TypeError, match="UnknownRealtimeEvent"):

        class Mine(LiveSessionCloseEvent, frozen=True, kw_only=True):
            pass


def test_each_side_has_a_base() -> None:
    assert issubclass(LiveSessionClosedEvent, LiveServerEvent)
    assert issubclass(LiveSessionCloseEvent, LiveClientEvent)
    assert LiveSessionPausedEvent(client_event_id="mine").event_id is UNSET


def test_an_event_of_a_new_kind_can_be_made() -> None:
    event = UnknownLiveEvent(json={"type": "session.dance", "event_id": "e"}, problem="new")
    assert (event.type, event.event_id) == ("session.dance", "e")
    assert LiveEvent.from_json(event.to_json()).type == "session.dance"
