from __future__ import annotations

import pytest

from duologue.server.budget import Budget
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.shared.memory_store import MemoryStore
from tests.server._at_once import at_once

MIB = 1024 * 1024
LARGE = b"x" * 100_000


class Store:
    """A store to put values into, each under a digest of its own."""

    def __init__(
        self, *, max_values: int = 10, max_bytes: int = MIB, max_owner_bytes: int = MIB, budget: Budget | None = None
    ) -> None:
        budget = budget or Budget(max_bytes=MIB, max_owner_bytes=MIB)
        self.memory = MemoryStore(
            max_values=max_values, max_bytes=max_bytes, max_owner_bytes=max_owner_bytes, budget=budget
        )
        self._puts = 0

    def put(self, owner: str, *, value: bytes = LARGE, lives_s: float = 10, now: float = 0) -> bytes:
        self._puts += 1
        digest = f"{self._puts}".encode()
        at_once(self.memory.put(digest, value, owner=owner, lives_s=lives_s, now=now))
        return digest


def test_a_value_is_there_until_it_expires() -> None:
    store = Store()
    digest = store.put("key 1", value=b"a", now=1000.5)
    assert at_once(store.memory.get(digest, now=1010.4)) == b"a"
    assert at_once(store.memory.get(digest, now=1010.5)) is None
    assert at_once(store.memory.get(b"?", now=1001)) is None


def test_only_so_many_live_at_once_and_those_that_expire_make_room() -> None:
    store = Store(max_values=2)
    store.put("a")
    store.put("a", lives_s=99)
    with pytest.raises(Rejection, match="No more client secrets"):
        store.put("a", now=5)
    store.put("a", now=10)


def test_values_of_one_owner_hold_so_much_and_those_of_another_are_kept_all_the_same() -> None:
    store = Store(max_bytes=350_000, max_owner_bytes=250_000)
    for _ in range(2):
        store.put("key 1")
    with pytest.raises(Rejection, match="250000 bytes") as refused:
        store.put("key 1")
    assert (refused.value.http_status, refused.value.error.code) == (429, "rate_limit_exceeded")
    store.put("key 2")
    with pytest.raises(Rejection) as full:
        store.put("key 3")
    assert (full.value.http_status, full.value.error.code) == (503, "server_overloaded")


def test_expired_values_are_dropped_as_time_passes_and_not_only_when_there_is_no_room() -> None:
    budget = Budget(max_bytes=MIB, max_owner_bytes=MIB)
    store = Store(budget=budget)
    for lives_s in (10, 30, 20):
        store.put("key 1", lives_s=lives_s)
    assert budget.held["client_secrets"] > 300_000
    at_once(store.memory.get(b"?", now=10))
    assert len(store.memory) == 2
    store.memory.drop_expired(20)
    assert len(store.memory) == 1
    store.memory.drop_expired(30)
    assert (len(store.memory), budget.total_bytes, dict(budget.owners)) == (0, 0, {})


def test_a_value_counts_in_its_owner_s_share_of_the_server_s_memory() -> None:
    store = Store(budget=Budget(max_bytes=MIB, max_owner_bytes=150_000))
    store.put("key 1")
    with pytest.raises(Rejection) as refused:
        store.put("key 1")
    assert (refused.value.name, len(store.memory)) == ("owner_full", 1)


def test_each_owner_has_a_rate_of_its_own() -> None:
    store = MemoryStore()
    taken = [
        at_once(store.take(owner, per_minute=2, now=now)) for owner, now in [("a", 0), ("a", 0), ("a", 0), ("b", 0)]
    ]
    assert taken == [True, True, False, True]
    assert at_once(store.take("a", per_minute=2, now=31))


def test_limits_may_change_and_what_is_kept_stays() -> None:
    store = Store()
    digest = store.put("a")
    store.memory.limit(Limits(client_secrets=1))
    with pytest.raises(Rejection):
        store.put("a")
    assert at_once(store.memory.get(digest, now=1)) == LARGE
