"""Percentiles from buckets are those that Prometheus computes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.cli.status.exposition import Labels
from duologue.cli.status.histogram import Histogram, histogram_of

BOUNDS = (0.1, 0.2, 0.4, math.inf)


def counted(*values: float) -> Histogram:
    """These delays in seconds."""
    return Histogram([(bound, sum(value <= bound for value in values)) for bound in BOUNDS])


def test_a_percentile_is_interpolated_in_its_bucket() -> None:
    delays = counted(*[0.15] * 50, *[0.3] * 50).delays()
    assert (delays.count, delays.p50_ms, delays.p95_ms, delays.p99_ms) == (100, 200.0, 380.0, 396.0)


def test_beyond_the_last_bound_it_is_that_bound() -> None:
    assert counted(9.0, 9.0).delays().p50_ms == 400.0


def test_none_is_none() -> None:
    for nothing in (Histogram(), counted()):
        assert (nothing.count, nothing.delays().p50_ms) == (0, None)


@given(st.lists(st.floats(0.001, 1.0), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_in_the_bucket_of_the_value_that_it_stands_for(values: list[float], share: float) -> None:
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    found = counted(*values).quantile(share)
    assert found is not None
    upper = next(bound for bound in BOUNDS if exact <= bound)
    lower = max([0.0, *(bound for bound in BOUNDS if bound < exact)])
    assert lower <= found <= upper


def test_what_was_added_between_two_looks() -> None:
    assert counted(0.1, 0.3, 0.3).since(counted(0.1)).quantile(0.5) == pytest.approx(0.3)


def test_a_server_that_counts_anew_has_added_all() -> None:
    assert counted(0.1).since(counted(0.1, 0.3)) == counted(0.1)
    assert counted(0.1).since(Histogram([(1.0, 0), (math.inf, 0)])) == counted(0.1)


def test_buckets_are_found_by_their_labels() -> None:
    buckets: dict[Labels, float] = {
        (("le", "0.5"), ("stage", "audio")): 1.0,
        (("le", "+Inf"), ("stage", "audio")): 2.0,
        (("le", "+Inf"), ("stage", "text")): 9.0,
    }
    assert histogram_of({"x_bucket": buckets}, "x", stage="audio") == Histogram([(0.5, 1.0), (math.inf, 2.0)])
    assert histogram_of({}, "x") == Histogram([])
    for bound in ("NaN", "wide"):
        with pytest.raises(ValueError, match=r"bound|convert"):
            histogram_of({"x_bucket": {(("le", bound),): 1.0}}, "x")
