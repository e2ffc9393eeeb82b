"""Which level is tried next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.load import LevelSearch


@given(st.integers(1, 500), st.integers(0, 5000), st.integers(1, 4000))
def test_a_search_finds_what_is_held_within_a_twentieth(first: int, capacity: int, most: int) -> None:
    search, tried = LevelSearch(first, most=most), 0
    while (calls := search.next_calls) is not None:
        assert 0 < calls <= most
        search.told(calls, holds=calls <= capacity)
        tried += 1
        assert tried < 40
    assert search.held <= min(capacity, most)
    assert min(capacity, most) - search.held <= max(1, search.held * 0.06)


def test_the_number_is_doubled_and_then_halved_in() -> None:
    search, tried = LevelSearch(10, most=1000), []
    while (calls := search.next_calls) is not None:
        tried.append(calls)
        search.told(calls, holds=calls <= 57)
    assert tried == [10, 20, 40, 80, 60, 50, 55, 57]
    assert (search.held, search.refused) == (57, 60)
