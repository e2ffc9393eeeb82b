"""When a session is replaced by a new one, and when a connection is dead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.liveness import (
    Liveness,
    LivenessLimits,
    RotationLimits,
    liveness,
    next_look_at,
    rotation_due,
    session_end,
)


@pytest.mark.parametrize(
    ("left_s", "between_turns", "due"),
    [
        (121, True, False),
        (120, True, True),
        (120, False, False),
        (16, False, False),
        (15, False, True),
        (-5, False, True),
    ],
)
def test_pain_05_a_session_is_left_at_a_turn_boundary_before_it_expires(
    left_s: float, between_turns: bool, due: bool
) -> None:
    assert rotation_due(1000.0, 1000.0 + left_s, between_turns=between_turns) is due


def test_pain_05_a_session_without_an_end_is_not_left() -> None:
    assert not rotation_due(1e12, None, between_turns=True)
    assert rotation_due(0.0, 10.0, between_turns=False, limits=RotationLimits(last_moment_s=10.0))


def test_the_end_of_a_session_is_on_the_clock_of_the_caller() -> None:
    assert session_end(1_700_003_600, now=50.0, unix_now_s=1_700_000_000.0) == 3650.0
    assert session_end(None, now=50.0, unix_now_s=0.0) is None


def test_pain_07_a_silent_connection_is_asked_and_then_dead_within_ten_seconds() -> None:
    assert liveness(4.9, last_frame_at=0.0) is Liveness.ALIVE
    assert liveness(5.0, last_frame_at=0.0) is Liveness.ASK
    assert liveness(8.9, last_frame_at=0.0, asked_at=5.0) is Liveness.ALIVE
    assert liveness(9.0, last_frame_at=0.0, asked_at=5.0) is Liveness.DEAD
    assert LivenessLimits().quiet_s + LivenessLimits().answer_s <= 10.0


def test_a_frame_after_the_question_is_an_answer() -> None:
    assert liveness(9.0, last_frame_at=5.1, asked_at=5.0) is Liveness.ALIVE
    assert liveness(10.2, last_frame_at=5.1, asked_at=5.0) is Liveness.ASK


@given(st.floats(0, 100), st.none() | st.floats(0, 100))
def test_the_state_does_not_change_before_the_next_look(last_frame_at: float, asked_at: float | None) -> None:
    look_at = next_look_at(last_frame_at=last_frame_at, asked_at=asked_at)
    assert liveness(look_at - 0.01, last_frame_at=last_frame_at, asked_at=asked_at) is Liveness.ALIVE
    assert liveness(look_at + 0.01, last_frame_at=last_frame_at, asked_at=asked_at) is not Liveness.ALIVE
