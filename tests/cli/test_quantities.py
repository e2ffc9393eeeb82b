"""Durations, rates and numbers of calls as arguments."""

from __future__ import annotations

import pytest

from duologue.cli.errors import UsageError
from duologue.cli.quantities import counts_in, per_second_in, seconds_in


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("20ms", 0.02), ("2m", 120), ("1.5", 1.5), ("1h", 3600)])
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert seconds_in(text, "--hold") == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "rate"), [("5/s", 5), ("30/m", 0.5), ("2", 2), ("0.1/s", 0.1)])
def test_a_rate_is_so_often_in_a_second_or_a_minute(text: str, rate: float) -> None:
    assert per_second_in(text, "--rate") == pytest.approx(rate)


def test_numbers_of_calls_are_parted_by_commas() -> None:
    assert counts_in("1,10, 50", "--calls") == [1, 10, 50]


@pytest.mark.parametrize("text", ["", "0s", "-1s", "soon", "1e3s", "1s2", "nan"])
def test_what_is_no_duration_is_said_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--hold is a duration such as 60s"):
        seconds_in(text, "--hold")


@pytest.mark.parametrize("text", ["", "0/s", "fast", "5/h"])
def test_what_is_no_rate_is_said_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--rate is a rate such as 5/s"):
        per_second_in(text, "--rate")


@pytest.mark.parametrize("text", ["", "0", "1,,2", "x", "1000000", "-3", "٣٣٣٣٣٣٣٣٣"])
def test_what_is_no_number_of_calls_is_said_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--calls is a number of calls"):
        counts_in(text, "--calls")
