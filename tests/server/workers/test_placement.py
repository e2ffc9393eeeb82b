from __future__ import annotations

import random

import pytest

from duologue.server.workers.placement import Placement


def placement(*workers: int) -> Placement:
    made = Placement()
    for each in workers:
        made.add(each)
    return made


@pytest.mark.parametrize(
    ("held", "handed", "first"),
    [
        ({1: 0, 2: 0}, [], 1),
        ({1: 3, 2: 1}, [], 2),
        ({1: 1, 2: 1}, [2], 1),
        ({1: 2, 2: 0}, [2], 2),
        ({1: 2, 2: 0}, [2, 2, 2], 1),
    ],
)
def test_the_emptiest_worker_is_next_and_what_is_on_its_way_counts(
    held: dict[int, int], handed: list[int], first: int
) -> None:
    here = placement(*held)
    for worker, connections in held.items():
        here.report(worker, held=connections, received=0)
    for worker in handed:
        here.handed(worker)
    assert here.emptiest_first()[0] == first


def test_a_report_includes_what_has_arrived_so_nothing_counts_twice() -> None:
    here = placement(1, 2)
    for _ in range(4):
        here.handed(1)
    here.report(1, held=1, received=4)  # three have ended already
    for _ in range(2):
        here.handed(2)
    assert here.emptiest_first() == [1, 2]


@pytest.mark.parametrize("report_every", [1, 7, 60])
def test_a_burst_is_spread_evenly_however_late_the_reports_are(report_every: int) -> None:
    here, chance = placement(1, 2, 3), random.Random(report_every)
    held: dict[int, int] = dict.fromkeys((1, 2, 3), 0)
    for count in range(1, 301):
        worker = here.emptiest_first()[0]
        here.handed(worker)
        held[worker] += 1
        if count % report_every == 0:
            late = chance.choice((1, 2, 3))
            here.report(late, held=held[late], received=held[late])
    assert max(held.values()) - min(held.values()) <= 1


def test_a_worker_that_is_removed_gets_no_more_and_its_late_report_is_dropped() -> None:
    here = placement(1, 2)
    here.remove(1)
    here.report(1, held=0, received=0)
    here.remove(1)
    assert (here.emptiest_first(), len(here)) == ([2], 1)


def test_a_worker_that_is_passed_over_keeps_its_load() -> None:
    placement = Placement()
    for number in (1, 2):
        placement.add(number)
    placement.report(1, held=9, received=0)
    placement.pass_over(frozenset({1, 7}))
    assert (placement.emptiest_first(), len(placement)) == ([2], 1)
    placement.pass_over(frozenset())
    assert (placement.emptiest_first(), len(placement)) == ([2, 1], 2)
