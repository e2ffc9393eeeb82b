"""When a client reconnects: how soon, how often, and when not at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duologue.protocol import states as tables
from duologue.protocol.client.recovery.reconnect import Reconnection, ReconnectPolicy, backoff_s
from duologue.protocol.states import IllegalTransition, IllegalTransitionError, ReconnectState


def connection(**policy: float) -> Reconnection:
    return Reconnection(ReconnectPolicy(**policy), random=lambda: 1.0)  # type: ignore[arg-type]  # one of them is an int


def is_at(reconnection: Reconnection, state: ReconnectState) -> bool:
    return reconnection.state is state


@pytest.mark.parametrize(
    ("chance", "expected"),
    [(1.0, [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]), (0.0, [0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 4.0])],
)
def test_pain_06_a_lost_connection_is_tried_again_at_once_and_then_ever_more_slowly(
    chance: float, expected: list[float]
) -> None:
    reconnection = Reconnection(random=lambda: chance)
    now, delays = 0.0, list[float]()
    assert reconnection.lost(now=now, code=1006)
    while is_at(reconnection, ReconnectState.WAITING):
        delays.append(reconnection.next_tick_at - now)
        assert not reconnection.tick(math.nextafter(reconnection.next_tick_at, -1.0))
        now = reconnection.next_tick_at
        assert reconnection.tick(now)
        assert is_at(reconnection, ReconnectState.CONNECTING)
        reconnection.failed(now=now)
    assert delays == expected
    assert reconnection.state is ReconnectState.GIVEN_UP


@pytest.mark.parametrize(("asked_s", "waited_s"), [(12.0, 12.0), (0.0, 0.25), (3600.0, 30.0), (None, 0.25)])
def test_a_server_that_asks_for_a_pause_gets_it_within_limits(asked_s: float | None, waited_s: float) -> None:
    reconnection = connection()
    reconnection.lost(now=0.0)
    assert reconnection.tick(1.0)
    assert reconnection.failed(now=1.0, retry_after_s=asked_s)
    assert reconnection.next_tick_at - 1.0 == waited_s


def test_pain_06_it_is_connected_again_only_when_the_session_is_restored() -> None:
    reconnection = connection()
    reconnection.lost(now=0.0)
    reconnection.tick(1.0)
    reconnection.opened()
    assert reconnection.state is ReconnectState.RESTORING
    assert reconnection.lost(now=2.0)
    assert reconnection.attempts == 1
    reconnection.tick(3.0)
    reconnection.opened()
    reconnection.restored()
    assert (reconnection.state, reconnection.attempts) == (ReconnectState.CONNECTED, 0)


@pytest.mark.parametrize(("code", "final"), [(1000, True), (3000, True), (4000, True), (1001, False), (4001, False)])
def test_a_close_that_another_attempt_would_only_repeat_ends_it(code: int, final: bool) -> None:
    reconnection = connection()
    assert reconnection.lost(now=0.0, code=code) is not final
    assert is_at(reconnection, ReconnectState.GIVEN_UP) is final


def test_an_error_that_ends_sessions_for_good_ends_it() -> None:
    reconnection = connection()
    assert not reconnection.lost(now=0.0, code=1006, retryable=False)
    reconnection = connection()
    reconnection.lost(now=0.0)
    reconnection.tick(1.0)
    assert not reconnection.failed(now=1.0, retryable=False)
    assert reconnection.state is ReconnectState.GIVEN_UP


@pytest.mark.usefixtures("illegal_transitions_are_reported")
def test_without_attempts_there_are_none_and_giving_up_is_final() -> None:
    assert not connection(max_attempts=0).lost(now=0.0)
    reported: list[IllegalTransition] = []
    reconnection = Reconnection(random=lambda: 1.0, report_illegal=reported.append)
    reconnection.lost(now=0.0)
    reconnection.give_up()
    assert not reconnection.tick(100.0)
    assert reconnection.state is ReconnectState.GIVEN_UP
    assert not reconnection.lost(now=101.0)
    assert not reconnection.failed(now=101.0)
    assert [(illegal.state, illegal.happened) for illegal in reported] == [
        ("given up", "connection lost"),
        ("given up", "attempt failed"),
    ]


def test_a_verb_that_its_state_does_not_allow_raises_where_nothing_reports_it() -> None:
    with pytest.raises(IllegalTransitionError):
        connection().opened()


@given(st.integers(-1, 10_000), st.floats(0, 1))
def test_delays_stay_within_their_limits(attempt: int, chance: float) -> None:
    policy = ReconnectPolicy()
    assert 0 <= backoff_s(attempt, policy, lambda: chance) <= policy.max_delay_s


class AnyReconnection(RuleBasedStateMachine):
    """In any order of reports, the state is one of the table's, and the attempts are bounded."""

    def __init__(self) -> None:
        super().__init__()
        self.reported: list[IllegalTransition] = []
        self.reconnection = Reconnection(random=lambda: 0.5, report_illegal=self.reported.append)
        self.now = 0.0
        tables.illegal_transitions_raise = False

    def teardown(self) -> None:
        tables.illegal_transitions_raise = True

    @rule(code=st.sampled_from([None, 1000, 1001, 1006, 4000]))
    def lost(self, code: int | None) -> None:
        self.reconnection.lost(now=self.now, code=code)

    @rule(seconds=st.floats(0, 20))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        opens = self.reconnection.tick(self.now)
        assert opens == (self.reconnection.state is ReconnectState.CONNECTING) or not self.reconnection.tick(self.now)

    @rule(what=st.sampled_from(["opened", "restored", "give_up"]))
    def reports(self, what: str) -> None:
        getattr(self.reconnection, what)()

    @rule()
    def failed(self) -> None:
        self.reconnection.failed(now=self.now)

    @invariant()
    def attempts_are_bounded(self) -> None:
        assert self.reconnection.attempts <= self.reconnection.policy.max_attempts
        assert (self.reconnection.next_tick_at < float("inf")) == (self.reconnection.state is ReconnectState.WAITING)


TestEveryTransitionIsInTheTable = AnyReconnection.TestCase
