"""Measurements of several processes, joined; and how late the generator was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.load.samples import LevelSamples, lateness_of


def test_what_several_processes_measured_is_joined() -> None:
    one = LevelSamples(first_audio=[1.0], turns=2, lost=1, errors={"odd": 1}, window_s=10, cpu_s=1, up_s=20)
    other = LevelSamples(first_audio=[3.0], turns=1, errors={"odd": 2, "new": 1}, window_s=9, cpu_s=2, up_s=10)
    one.was_late(1.0, 3)
    other.was_late(100.0)
    total = LevelSamples.joined([one, other])
    assert (total.first_audio, total.turns, total.lost) == ([1.0, 3.0], 3, 1)
    assert total.errors == {"odd": 3, "new": 1}
    assert (total.window_s, total.cpu_s, total.up_s) == (10, 3, 30)
    assert sum(total.late) == 4
    # Every field is joined: each number of the total is that of its parts, or more than any of them.
    assert msgspec.json.decode(msgspec.json.encode(total), type=LevelSamples) == total


@given(st.lists(st.floats(-1, 20_000), min_size=1, max_size=200), st.sampled_from([50, 95, 99, 100]))
def test_lateness_is_told_within_a_tenth(late_ms: list[float], percent: float) -> None:
    samples = LevelSamples()
    for each in late_ms:
        samples.was_late(each)
    found = lateness_of(samples, percent)
    exact = sorted(late_ms)[max(0, -(-len(late_ms) * int(percent) // 100) - 1)]
    assert found is not None
    assert min(exact, 7_000) <= found * 1.001
    assert found <= max(0.25, exact * 1.1001)


def test_without_pieces_there_is_no_lateness() -> None:
    assert lateness_of(LevelSamples(), 99) is None
    late = LevelSamples()
    late.was_late(3.0, 99)
    late.was_late(900.0)
    assert lateness_of(late, 99) == pytest.approx(3.0, rel=0.1)
