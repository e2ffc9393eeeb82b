from __future__ import annotations

from duologue.server.workers.silences import LOOK_S, Silences, Silent

NONE: frozenset[int] = frozenset()


def looks(silences: Silences, begin: float, end: float, *, heard: tuple[int, ...] = ()) -> Silent:
    """The last look of a time in which these workers speak before each look."""
    now, found = begin, Silent(NONE, NONE)
    while now <= end:
        for each in heard:
            silences.heard(each, now)
        found = silences.look(now)
        now += LOOK_S
    return found


def test_a_worker_that_says_nothing_is_passed_over_and_then_killed() -> None:
    silences = Silences()
    for each in (1, 2):
        silences.heard(each, 0.0)
    assert looks(silences, 0, 5, heard=(1,)) == Silent(NONE, NONE)
    assert looks(silences, 6, 29, heard=(1,)) == Silent(frozenset({2}), NONE)
    assert looks(silences, 30, 30, heard=(1,)) == Silent(NONE, frozenset({2}))
    silences.gone(2)
    assert looks(silences, 31, 90, heard=(1,)) == Silent(NONE, NONE)


def test_a_worker_that_speaks_again_is_taken_back() -> None:
    silences = Silences()
    silences.heard(1, 0.0)
    assert looks(silences, 0, 20) == Silent(frozenset({1}), NONE)
    assert looks(silences, 21, 21, heard=(1,)) == Silent(NONE, NONE)


def test_a_parent_that_was_stopped_itself_blames_no_worker() -> None:
    silences = Silences()
    silences.heard(1, 0.0)
    assert looks(silences, 0, 3) == Silent(NONE, NONE)
    assert looks(silences, 500, 505) == Silent(NONE, NONE), "all are as silent: the parent did not read"
    assert looks(silences, 506, 507) == Silent(frozenset({1}), NONE)
