"""What callers do, from a seed."""

from __future__ import annotations

from itertools import islice

from duologue.load.plan import CallerHabits, planned_turns


def test_a_seed_makes_the_same_turns_and_callers_differ() -> None:
    habits = CallerHabits(seed=7, barge_in=0.3)
    one, again, other = (list(islice(planned_turns(habits, number, 3), 50)) for number in (1, 1, 2))
    assert one == again != other
    assert list(islice(planned_turns(CallerHabits(seed=8, barge_in=0.3), 1, 3), 50)) != one


def test_turns_are_limited_and_barge_in_has_its_share() -> None:
    assert len(list(planned_turns(CallerHabits(turns=4), 0, 3))) == 4
    for share in (0.0, 0.5, 1.0):
        turns = list(planned_turns(CallerHabits(barge_in=share, turns=400), 0, 3))
        assert abs(sum(turn.cuts_in_s is not None for turn in turns) / 400 - share) < 0.1
        assert {turn.utterance for turn in turns} == {0, 1, 2}
        assert all(0.5 <= turn.think_s <= 2 for turn in turns)
