"""Limits in words."""

from __future__ import annotations

import re
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.inspection.gate import thresholds_in
from duologue.inspection.gate.thresholds import Unit


@pytest.mark.parametrize(
    ("text", "statistic", "comparison", "limit"),
    [
        ("p95<800ms", "p95", "<", 800),
        (" max <= 1.2 s ", "max", "<=", 1200),
        ("MEDIAN<500ms", "median", "<", 500),
        ("min>100ms", "min", ">", 100),
        ("count>=20", "count", ">=", 20),
        ("p99.9<2s", "p99.9", "<", 2000),
    ],
)
def test_a_limit_is_a_statistic_a_comparison_and_a_number(
    text: str, statistic: str, comparison: str, limit: float
) -> None:
    (found,) = thresholds_in(text, "ms")
    assert (found.statistic, found.comparison, found.limit) == (statistic, comparison, limit)


def test_several_are_parted_by_commas_and_a_number_alone_is_the_most_that_is_allowed() -> None:
    assert [each.text for each in thresholds_in("p95<800ms, max < 2s", "ms")] == ["p95<800ms", "max<2s"]
    (most,) = thresholds_in("2", "count")
    assert [most.holds(count) for count in (0, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("comparison", "held"),
    [("<", (True, False, False)), ("<=", (True, True, False)), ("==", (False, True, False)),
     (">=", (False, True, True)), (">", (False, False, True))],
)  # fmt: skip
def test_a_comparison_holds_as_it_reads(comparison: str, held: tuple[bool, ...]) -> None:
    (limit,) = thresholds_in(f"max{comparison}10ms", "ms")
    assert tuple(limit.holds(value) for value in (9, 10, inf)) == held


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("p95<800", "ms", "needs a unit, ms or s"),
        ("p95<800min", "ms", "min is none that is known"),
        ("p95=800ms", "ms", "use <, <=, >, >=, =="),
        ("average<1s", "ms", "known are min, median"),
        ("p0<1s", "ms", "p1 to p99.999"),
        ("p100<1s", "ms", "p1 to p99.999"),
        ("count<2s", "ms", "a count has no unit"),
        ("800ms", "ms", "is no limit: write p95<800ms"),
        ("", "ms", "there is no limit in it"),
        ("max<2ms", "count", "a number of things"),
        ("-1", "count", "is no limit: write 0"),
    ],
)
def test_what_is_wrong_with_a_limit_is_said_with_the_right_form(text: str, unit: Unit, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        thresholds_in(text, unit)


@given(st.text(max_size=30), st.sampled_from(["ms", "count"]))
def test_any_text_is_a_limit_or_a_value_error(text: str, unit: Unit) -> None:
    try:
        found = thresholds_in(text, unit)
    except ValueError:
        return
    assert found
    assert all(0 <= each.limit < inf for each in found)
