"""When a position in the input audio was spoken."""

from __future__ import annotations

import pytest

from duologue.inspection.input_clock import InputClock


def clock(*pieces: tuple[float, float]) -> InputClock:
    made = InputClock()
    for duration_ms, at_s in pieces:
        made.append(duration_ms, at_s)
    return made


@pytest.mark.parametrize(("position_ms", "spoken_s"), [(0, 0.9), (50, 0.95), (100, 1.0), (150, 2.05), (200, 2.1)])
def test_a_piece_is_sent_when_its_last_sample_was_spoken(position_ms: float, spoken_s: float) -> None:
    assert clock((100, 1.0), (100, 2.1)).spoken_at_s(position_ms) == pytest.approx(spoken_s)


def test_what_was_not_sent_was_not_spoken() -> None:
    assert clock().spoken_at_s(0) is None
    assert clock((100, 1.0)).spoken_at_s(101) is None


def test_audio_is_paced_unless_it_comes_faster_than_it_is_spoken() -> None:
    paced = clock(*((100, number / 10) for number in range(50)))
    assert paced.is_paced(500, 4000)
    at_once = clock(*((100, 1.0) for _ in range(50)))
    assert not at_once.is_paced(500, 4000)
    assert not at_once.is_paced(500, 6000)


def test_another_session_counts_anew() -> None:
    made = clock((100, 1.0))
    made.restart()
    made.append(100, 5.0)
    assert made.spoken_at_s(100) == pytest.approx(5.0)


def test_what_is_long_past_is_forgotten() -> None:
    made = clock(*((100, number / 10) for number in range(30_000)))
    assert made.spoken_at_s(100) is None
    assert made.spoken_at_s(2_999_900) == pytest.approx(2999.8)
