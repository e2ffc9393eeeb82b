"""The roots of the Live family."""

from __future__ import annotations

from types import new_class

import pytest

from duologue import UNSET
from duologue.events import live
from duologue.events.base import WireObject
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


@pytest.mark.parametrize(
    "name", sorted(name for name in live.__all__ if isinstance(getattr(live, name), type)), ids=str
)
def test_what_decoding_yields_cannot_be_extended_elsewhere(name: str) -> None:
    base = getattr(live, name)
    if issubclass(base, WireObject):
        with pytest.raises(
            TypeError, match=r"UnknownRealtimeEvent.* the unknown event of its family.*`extra`.*a dialect"
        ):
            new_class("Mine", (base,), exec_body=lambda body: body.update(__module__="elsewhere"))


def test_each_side_has_a_base() -> None:
    assert issubclass(LiveSessionClosedEvent, LiveServerEvent)
    assert issubclass(LiveSessionCloseEvent, LiveClientEvent)
    assert LiveSessionPausedEvent(client_event_id="mine").event_id is UNSET


def test_an_event_of_a_new_kind_can_be_made() -> None:
    event = UnknownLiveEvent(json={"type": "session.dance", "event_id": "e"}, problem="new")
    assert (event.type, event.event_id) == ("session.dance", "e")
    assert LiveEvent.from_json(event.to_json()) == UnknownLiveEvent(
        json=event.json, problem="unknown event type 'session.dance' - at `$.type`"
    )
