"""When what was sent arrives."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from duologue.faults.delays import Delays


def test_without_a_fault_everything_arrives_at_once() -> None:
    delays = Delays(Random(1))
    assert not delays.is_slow
    assert delays.due_at(100, 5.0) == 5.0


def test_a_bandwidth_is_shared_by_all_that_is_under_way() -> None:
    delays = Delays(Random(1))
    delays.bytes_per_s = 1000
    assert [delays.due_at(500, 0.0), delays.due_at(500, 0.0), delays.due_at(100, 5.0)] == [0.5, 1.0, 5.1]


def test_what_is_held_arrives_in_order_at_the_end() -> None:
    delays = Delays(Random(1))
    delays.hold_until(3.0)
    assert [delays.due_at(1, 0.0), delays.due_at(1, 2.0), delays.due_at(1, 4.0)] == [3.0, 3.0, 4.0]
    assert not delays.is_slow


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 2)), max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([math.inf, 100.0, 1e5]),
)
def test_nothing_overtakes_and_nothing_is_early(
    sent: list[tuple[int, float]], latency_s: float, jitter_s: float, bytes_per_s: float
) -> None:
    delays = Delays(Random(1))
    delays.latency_s, delays.jitter_s, delays.bytes_per_s = latency_s, jitter_s, bytes_per_s
    now, last = 0.0, 0.0
    for size, pause_s in sent:
        now += pause_s
        due = delays.due_at(size, now)
        assert due >= max(now + latency_s, last)
        last = due


def test_what_is_held_for_good_never_arrives() -> None:
    delays = Delays(Random(1))
    delays.hold_until(math.inf)
    assert delays.due_at(1, 0.0) == math.inf
