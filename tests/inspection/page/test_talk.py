"""Who talks how long."""

from __future__ import annotations

from duologue.inspection.page.talk import TalkFigures, talk_of


def test_the_four_ways_of_a_call() -> None:
    assert talk_of([(1, 3), (2, 4), (8, 9)], [(3.5, 6), (8.2, 9.5)], 12) == TalkFigures(
        user_s=4.0, model_s=3.8, both_s=1.3, over_s=0.3, silence_s=5.5, longest_silence_s=2.5
    )


def test_spans_outside_of_the_call_are_cut_and_an_empty_call_is_silent() -> None:
    assert talk_of([(-1, 1), (9, 20)], [], 10).user_s == 2.0
    assert talk_of([], [], 3.0) == TalkFigures(
        user_s=0, model_s=0, both_s=0, over_s=0, silence_s=3.0, longest_silence_s=3.0
    )
