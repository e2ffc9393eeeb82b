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


def test_audio_in_one_piece_was_sent_at_once() -> None:
    assert not clock((3000, 1.0)).is_paced(300, 2000)
    after_a_pause = clock((100, 0.1), (3000, 9.0))
    assert not after_a_pause.is_paced(300, 2000)
    at_the_end = clock(*((100, number / 10) for number in range(50)), (2000, 5.1))
    assert at_the_end.is_paced(500, 4900)
    assert not at_the_end.is_paced(500, 5800)


@pytest.mark.parametrize("piece_ms", [10, 20, 100, 200])
def test_pieces_of_usual_lengths_are_paced_however_short_the_speech(piece_ms: int) -> None:
    paced = clock(*((piece_ms, number * piece_ms / 1000) for number in range(1, 5000 // piece_ms)))
    for begin_ms in (0, 300, 1000):
        for end_ms in (begin_ms + piece_ms, begin_ms + 700, begin_ms + 3000):
            assert paced.is_paced(begin_ms, end_ms)


def test_another_session_counts_anew() -> None:
    made = clock((100, 1.0))
    made.restart()
    made.append(100, 5.0)
    assert made.spoken_at_s(100) == pytest.approx(5.0)


def test_what_is_long_past_is_forgotten() -> None:
    made = clock(*((100, number / 10) for number in range(30_000)))
    assert made.spoken_at_s(100) is None
    assert made.spoken_at_s(2_999_900) == pytest.approx(2999.8)
