from __future__ import annotations

from msgspec import Struct

from duologue.server.budget import Budget
from duologue.server.live.stored_sessions import StoredSessions


class Kept(Struct, frozen=True):
    text: str


def budget(max_owner_bytes: int = 1_000_000) -> Budget:
    return Budget(max_bytes=10_000_000, max_owner_bytes=max_owner_bytes)


def test_only_the_owner_finds_a_stored_session() -> None:
    stored = StoredSessions[Kept](max_sessions=3, budget=budget())
    assert stored.keep("live_1", Kept("a"), owner="key 1")
    assert stored.find("live_1", owner="key 1") == Kept("a")
    assert stored.find("live_1", owner="key 2") is None
    assert stored.find("live_2", owner="key 1") is None


def test_beyond_the_limit_the_oldest_is_dropped_and_its_memory_given_back() -> None:
    memory = budget()
    stored = StoredSessions[Kept](max_sessions=2, budget=memory)
    for number in range(3):
        assert stored.keep(f"live_{number}", Kept("a" * 1000), owner="key 1")
    assert len(stored) == 2
    assert stored.find("live_0", owner="key 1") is None
    held = memory.total_bytes
    assert 2000 < held < 3000
    stored.drop("live_1")
    stored.drop("live_2")
    assert memory.total_bytes == 0


def test_what_does_not_fit_into_the_owner_s_memory_is_not_stored() -> None:
    memory = budget(max_owner_bytes=500)
    stored = StoredSessions[Kept](max_sessions=2, budget=memory)
    assert not stored.keep("live_1", Kept("a" * 1000), owner="key 1")
    assert len(stored) == memory.total_bytes == 0


def test_a_session_that_is_stored_again_is_counted_once() -> None:
    memory = budget()
    stored = StoredSessions[Kept](max_sessions=2, budget=memory)
    for text in ("a" * 1000, "b" * 1000):
        stored.keep("live_1", Kept(text), owner="key 1")
    assert stored.find("live_1", owner="key 1") == Kept("b" * 1000)
    assert memory.total_bytes < 2000


def test_an_owner_who_stores_many_does_not_push_out_those_of_another() -> None:
    stored = StoredSessions[Kept](max_sessions=4, budget=budget())
    assert stored.keep("live_first", Kept("a"), owner="key 1")
    for number in range(20):
        assert stored.keep(f"live_{number}", Kept("a"), owner="key 2")
    assert stored.find("live_first", owner="key 1") == Kept("a")
    assert [number for number in range(20) if stored.find(f"live_{number}", owner="key 2")] == [17, 18, 19]


def test_stored_sessions_leave_the_rest_of_an_owner_s_memory_to_those_that_run() -> None:
    memory = budget()
    stored = StoredSessions[Kept](max_sessions=100, budget=memory, max_owner_bytes=5_000)
    for number in range(20):
        assert stored.keep(f"live_{number}", Kept("a" * 1000), owner="key 1")
    assert memory.owners["key 1"] <= 5_000
    assert stored.find("live_19", owner="key 1") is not None
    assert not stored.keep("live_large", Kept("a" * 6_000), owner="key 1")
    assert stored.find("live_19", owner="key 1") is not None


def test_stored_sessions_of_all_owners_have_a_limit_in_bytes() -> None:
    memory = budget()
    stored = StoredSessions[Kept](max_sessions=100, budget=memory, max_bytes=5_000, max_owner_bytes=4_000)
    assert stored.keep("live_first", Kept("a" * 1000), owner="key 1")
    for number in range(20):
        assert stored.keep(f"live_{number}", Kept("a" * 1000), owner=f"key {2 + number % 2}")
    assert memory.total_bytes <= 5_000
    assert stored.find("live_19", owner="key 3") is not None
