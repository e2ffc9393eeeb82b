from __future__ import annotations

from duologue.server.workers.restarts import Restarts


def test_each_death_soon_after_the_last_one_waits_twice_as_long_up_to_half_a_minute() -> None:
    restarts, now, waited = Restarts(), 0.0, []
    for _ in range(8):
        restarts.ready(now)
        now += 1
        waited.append(restarts.died(now))
    assert waited == [1, 2, 4, 8, 16, 30, 30, 30]
    assert not restarts.hopeless


def test_a_worker_that_has_served_a_minute_begins_anew() -> None:
    restarts = Restarts()
    for _ in range(4):
        restarts.ready(0)
        restarts.died(1)
    restarts.ready(100)
    assert restarts.died(160) == 1


def test_three_deaths_before_readiness_in_a_row_are_hopeless_and_readiness_ends_the_row() -> None:
    restarts = Restarts()
    restarts.died(0)
    restarts.died(0)
    restarts.ready(1)
    restarts.died(2)
    restarts.died(2)
    restarts.died(2)
    assert not restarts.hopeless
    restarts.died(3)
    assert restarts.hopeless


def test_it_never_waits_longer_however_often_they_die() -> None:
    restarts = Restarts()
    assert max(restarts.died(0) for _ in range(3000)) == 30
