"""When a connection is replaced: its server never greeted, or its session ends soon and the next is open."""

from __future__ import annotations

import pytest

from duologue.client.asyncio.managed_connection import ManagedConnection
from duologue.client.asyncio.rotation import GREETING_S, ROTATION_RETRY_S, STEADY_S, Rotation
from duologue.errors import ConnectFailed, ConnectionClosedError
from duologue.events import RealtimeEvent
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.recovery.reconnect import Reconnection
from duologue.protocol.states import ReconnectState
from duologue.testing import CountedIds
from tests.client._frames import Json, created, greeting, unasked

LEAD_S = 120.0
"""The usual one: from here on a session is left between two turns."""

BEGAN_UNIX_S = 1_700_000_000


class Next(ManagedConnection):
    """A connection that is being opened; the test decides the outcome."""

    def __init__(self) -> None:
        self.outcome: Exception | str | None = None

    @property
    def is_decided(self) -> bool:
        return self.outcome is not None

    @property
    def fault(self) -> Exception | None:
        return self.outcome if isinstance(self.outcome, Exception) else None


class Desk:
    """One rotation, and a clock that moves by hand."""

    def __init__(self) -> None:
        self.core = ConversationCore(new_id=CountedIds())
        self.reconnection = Reconnection(random=lambda: 0.0)
        self.opened: list[Next] = []
        self.released: list[ManagedConnection] = []
        self.rotation = Rotation(self.core, self.reconnection, open_next=self.open_next, release=self.released.append)
        self.rotation.begin(now=0.0, unix_now_s=BEGAN_UNIX_S)

    def open_next(self) -> Next:
        self.opened.append(Next())
        return self.opened[-1]

    def greet(self, *, lasts_s: int) -> None:
        self.receive(greeting(expires_at=BEGAN_UNIX_S + lasts_s))

    def receive(self, frame: Json) -> None:
        self.core.receive(RealtimeEvent.from_json({"event_id": f"event_{frame['type']}", **frame}), now=0.0)

    def at(self, now: float) -> ConnectionClosedError | ManagedConnection | None:
        return self.rotation.check(now=now, unix_now_s=BEGAN_UNIX_S + now)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_connection_whose_server_does_not_greet_in_time_is_over(desk: Desk) -> None:
    desk.core.lost(now=0.0)
    assert desk.at(GREETING_S - 0.1) is None
    outcome = desk.at(GREETING_S)
    assert isinstance(outcome, ConnectionClosedError)
    assert "did not greet within 10 s" in str(outcome)


def test_a_session_is_restored_once_it_has_held_for_a_moment(desk: Desk) -> None:
    desk.reconnection.lost(now=0.0)
    desk.reconnection.tick(0.0)
    desk.reconnection.opened()
    states: list[ReconnectState] = []
    for now in (STEADY_S - 0.1, STEADY_S):
        desk.at(now)
        states.append(desk.reconnection.state)
    assert states == [ReconnectState.RESTORING, ReconnectState.CONNECTED]


def test_pain_05_the_next_connection_is_opened_near_the_end_and_taken_when_it_is_open(desk: Desk) -> None:
    desk.greet(lasts_s=3600)
    assert desk.at(3600 - LEAD_S - 1) is None
    assert desk.opened == []
    assert desk.at(3600 - LEAD_S) is None
    [ahead] = desk.opened
    ahead.outcome = "open"
    assert desk.at(3600 - LEAD_S + 1) is ahead
    assert desk.rotation.take_next() is None
    assert len(desk.opened) == 1


def test_pain_05_a_turn_is_not_cut_before_the_last_moment(desk: Desk) -> None:
    desk.greet(lasts_s=3600)
    desk.receive(unasked(created("resp_1")))
    desk.at(3600 - LEAD_S)
    desk.opened[0].outcome = "open"
    assert desk.at(3600 - 16.0) is None
    assert desk.at(3600 - 15.0) is desk.opened[0]


def test_a_session_that_is_short_is_used_for_half_its_time(desk: Desk) -> None:
    desk.greet(lasts_s=60)
    desk.at(29.0)
    assert desk.opened == []
    desk.at(30.0)
    assert len(desk.opened) == 1


def test_a_next_connection_that_cannot_be_opened_is_released_and_opened_again_after_a_while(desk: Desk) -> None:
    desk.greet(lasts_s=3600)
    begins = 3600 - LEAD_S
    desk.at(begins)
    [first] = desk.opened
    first.outcome = ConnectFailed("no answer", retryable=True)
    assert desk.at(begins + 1) is None
    assert desk.released == [first]
    desk.at(begins + ROTATION_RETRY_S - 0.1)
    assert len(desk.opened) == 1
    desk.at(begins + ROTATION_RETRY_S)
    assert len(desk.opened) == 2


def test_a_connection_that_is_lost_first_is_replaced_by_the_one_that_was_opened_ahead(desk: Desk) -> None:
    desk.greet(lasts_s=3600)
    desk.at(3600 - LEAD_S)
    assert desk.rotation.take_next() is desk.opened[0]


def test_a_server_that_names_no_end_is_never_left(desk: Desk) -> None:
    desk.receive(greeting())
    assert desk.at(100_000.0) is None
    assert desk.opened == []
