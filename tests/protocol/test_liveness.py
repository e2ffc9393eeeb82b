"""When a session is replaced by a new one, and when a connection is dead."""

from __future__ import annotations

import pytest

from duologue.protocol.liveness import LivenessLimits, RotationLimits, rotation_due


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


def test_pain_07_a_dead_connection_is_detected_within_ten_seconds() -> None:
    assert LivenessLimits().quiet_s + LivenessLimits().answer_s <= 10.0
