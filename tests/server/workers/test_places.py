from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from duologue.server.workers.places import Places

STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "gone"]), st.integers(1, 3), st.sampled_from("ab")), max_size=60
)


def test_the_limits_hold_for_all_workers_together() -> None:
    places = Places()
    come = [places.enter(worker, owner, maximum=4, owner_maximum=2) for worker, owner in [(1, "a"), (2, "a"), (1, "a")]]
    assert come == [None, None, "owner_sessions"]
    assert [places.enter(2, owner, maximum=4, owner_maximum=None) for owner in "bcd"] == [None, None, "full"]
    places.leave(1, "a")
    assert places.enter(1, "a", maximum=4, owner_maximum=2) is None


def test_the_sessions_of_a_dead_worker_make_room() -> None:
    places = Places()
    for worker in (1, 1, 2):
        places.enter(worker, "a", maximum=3, owner_maximum=None)
    assert (places.gone(1), len(places), places.of(2)) == (2, 1, 1)
    places.leave(1, "a")
    assert (places.gone(1), len(places)) == (0, 1)


@given(STEPS)
def test_what_is_counted_is_what_has_entered_and_not_left(steps: list[tuple[str, int, str]]) -> None:
    places, open_ones = Places(), Counter[tuple[int, str]]()
    for step, worker, owner in steps:
        match step:
            case "enter":
                rejection = places.enter(worker, owner, maximum=10, owner_maximum=6)
                of_owner = sum(count for (_, each), count in open_ones.items() if each == owner)
                assert (rejection is None) == (open_ones.total() < 10 and of_owner < 6)
                open_ones[worker, owner] += rejection is None
            case "leave":
                places.leave(worker, owner)
                open_ones -= Counter(((worker, owner),))
            case _:
                ended = places.gone(worker)
                assert ended == sum(open_ones.pop(key) for key in list(open_ones) if key[0] == worker)
        assert len(places) == open_ones.total()
