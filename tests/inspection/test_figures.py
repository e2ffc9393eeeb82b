"""Figures over the turns of a call."""

from __future__ import annotations

import pytest

from duologue.inspection import figures_of
from duologue.inspection.figures import percentile, summary_of
from tests.inspection._calls import barge_in_call, push_to_talk_call, vad_call, view_of


def test_the_figures_of_a_call_are_those_of_its_turns() -> None:
    figures = figures_of(view_of(vad_call()))
    assert (figures.turns, figures.withheld, figures.interruptions, figures.errors) == (2, 0, 0, 0)
    assert figures.first_audio is not None
    assert (figures.first_audio.count, figures.first_audio.shortest, figures.first_audio.longest) == (2, 700, 1300)
    assert figures.tool is not None
    assert figures.tool.longest == 250


def test_interruptions_errors_and_underruns_are_counted() -> None:
    cut = figures_of(view_of(barge_in_call()))
    assert cut.interruptions == 1
    assert cut.interrupt_yield is not None
    assert cut.interrupt_yield.longest == 20
    pushed = figures_of(view_of(push_to_talk_call()))
    assert (pushed.errors, pushed.underruns, pushed.endpointing) == (1, 1, None)


def test_below_twenty_turns_a_percentile_would_be_the_longest_and_is_not_told() -> None:
    few, enough = summary_of([*range(19), None]), summary_of(list(range(1, 21)))
    assert few is not None
    assert (few.count, few.median, few.p95) == (19, None, None)
    assert enough is not None
    assert (enough.median, enough.p95, enough.longest) == (10, 19, 20)
    assert summary_of([None]) is None


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (95, 4), (100, 4)])
def test_a_percentile_is_one_of_the_values(percent: float, value: int) -> None:
    assert percentile([4, 1, 3, 2], percent) == value
