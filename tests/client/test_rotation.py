"""How long a connection is used: to a session that never came, or to the next one, opened ahead."""

from __future__ import annotations

import pytest

from duologue.client.rotation import GREETING_S, ROTATION_RETRY_S, STEADY_S, Rotation
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


class Ahead:
    """A connection being opened; the test says how it goes."""

    def __init__(self) -> None:
        self.is_decided = False
        self.fault: BaseException | None = None


class Office:
    """One tenure, and a clock that moves by hand."""

    def __init__(self) -> None:
        self.core = ConversationCore(new_id=CountedIds())
        self.reconnection = Reconnection(random=lambda: 0.0)
        self.opened: list[Ahead] = []
        self.let_go: list[Ahead] = []
        self.tenure = Rotation(self.core, self.reconnection, open_next=self.open_next, let_go=self.let_go.append)
        self.tenure.begin(now=0.0, unix_now_s=BEGAN_UNIX_S)

    def open_next(self) -> Ahead:
        self.opened.append(Ahead())
        return self.opened[-1]

    def greets(self, *, lasts_s: int) -> None:
        self.told(greeting(expires_at=BEGAN_UNIX_S + lasts_s))

    def told(self, frame: Json) -> None:
        self.core.receive(RealtimeEvent.from_json({"event_id": f"event_{frame['type']}", **frame}), now=0.0)

    def at(self, now: float) -> ConnectionClosedError | Ahead | None:
        return self.tenure.look(now=now, unix_now_s=BEGAN_UNIX_S + now)


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_connection_whose_server_does_not_greet_in_time_is_over(office: Office) -> None:
    office.core.lost(now=0.0)
    assert office.at(GREETING_S - 0.1) is None
    verdict = office.at(GREETING_S)
    assert isinstance(verdict, ConnectionClosedError)
    assert "did not greet within 10 s" in str(verdict)


def test_a_session_is_restored_once_it_has_held_for_a_moment(office: Office) -> None:
    office.reconnection.lost(now=0.0)
    office.reconnection.tick(0.0)
    office.reconnection.opened()
    states: list[ReconnectState] = []
    for now in (STEADY_S - 0.1, STEADY_S):
        office.at(now)
        states.append(office.reconnection.state)
    assert states == [ReconnectState.RESTORING, ReconnectState.CONNECTED]


def test_pain_05_the_next_connection_is_opened_near_the_end_and_taken_when_it_is_open(office: Office) -> None:
    office.greets(lasts_s=3600)
    assert office.at(3600 - LEAD_S - 1) is None
    assert office.opened == []
    assert office.at(3600 - LEAD_S) is None
    [ahead] = office.opened
    ahead.is_decided = True
    assert office.at(3600 - LEAD_S + 1) is ahead
    assert office.tenure.take_next() is None
    assert len(office.opened) == 1


def test_pain_05_a_turn_is_not_cut_before_the_last_moment(office: Office) -> None:
    office.greets(lasts_s=3600)
    office.told(unasked(created("resp_1")))
    office.at(3600 - LEAD_S)
    office.opened[0].is_decided = True
    assert office.at(3600 - 16.0) is None
    assert office.at(3600 - 15.0) is office.opened[0]


def test_a_session_that_is_short_is_used_for_half_its_time(office: Office) -> None:
    office.greets(lasts_s=60)
    office.at(29.0)
    assert office.opened == []
    office.at(30.0)
    assert len(office.opened) == 1


def test_a_next_connection_that_does_not_come_about_is_let_go_and_tried_again_after_a_while(office: Office) -> None:
    office.greets(lasts_s=3600)
    begins = 3600 - LEAD_S
    office.at(begins)
    [first] = office.opened
    first.is_decided, first.fault = True, ConnectFailed("nobody there", retryable=True)
    assert office.at(begins + 1) is None
    assert office.let_go == [first]
    office.at(begins + ROTATION_RETRY_S - 0.1)
    assert len(office.opened) == 1
    office.at(begins + ROTATION_RETRY_S)
    assert len(office.opened) == 2


def test_whoever_loses_the_connection_first_takes_what_was_opened_ahead(office: Office) -> None:
    office.greets(lasts_s=3600)
    office.at(3600 - LEAD_S)
    assert office.tenure.take_next() is office.opened[0]


def test_a_server_that_names_no_end_is_never_left(office: Office) -> None:
    office.told(greeting())
    assert office.at(100_000.0) is None
    assert office.opened == []
