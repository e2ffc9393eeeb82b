from __future__ import annotations

import pytest

from duologue.server.rate_limit import Rates, TokenBucket


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = TokenBucket(per_s=2, burst=3, now=10.0)
    assert [bucket.take(10.0) for _ in range(5)] == [True, True, True, False, False]
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_stands_still_or_goes_back_fills_nothing() -> None:
    bucket = TokenBucket(per_s=1000, burst=1, now=10.0)
    assert [bucket.take(now) for now in (10.0, 10.0, 3.0, 9.999)] == [True, False, False, False]


def test_a_rate_below_one_still_lets_one_through() -> None:
    bucket = TokenBucket(per_s=0.1, burst=0.1, now=0.0)
    assert [bucket.take(now) for now in (0.0, 5.0, 10.1)] == [True, False, True]


def test_keys_do_not_use_up_each_other_s_rates() -> None:
    rates = Rates(per_minute=2)
    assert [rates.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert rates.take("b", 0.0)
    assert rates.take("a", 31.0)


def test_without_a_rate_anything_may_happen() -> None:
    rates = Rates(per_minute=None)
    assert all(rates.take("a", 0.0) for _ in range(1000))


def test_addresses_without_number_are_not_all_remembered_and_those_at_their_limit_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("duologue.server.rate_limit._MAX_KEYS", 3)
    rates = Rates(per_minute=1)
    for address in "abc":
        assert rates.take(address, 0.0)
    assert not rates.take("d", 1.0), "all three may be the same attacker"
    assert not rates.take("a", 1.0)
    assert rates.take("d", 61.0), "by then the others are forgotten"
    assert rates.take("a", 61.0)
