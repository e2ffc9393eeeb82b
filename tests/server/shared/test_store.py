"""What every store promises, wherever it keeps what it has."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.shared.memory_store import MemoryStore
from duologue.server.shared.redis_store import RedisStore
from duologue.server.shared.store import SharedStore

LIMITS = Limits(client_secrets=3, max_client_secret_bytes=350_000, max_owner_client_secret_bytes=250_000)
LARGE = b"x" * 100_000
A, B, C, D = (name * 32 for name in (b"a", b"b", b"c", b"d"))


def in_memory(limits: Limits) -> SharedStore:
    store = MemoryStore()
    store.limit(limits)
    return store


@pytest_asyncio.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncGenerator[SharedStore, None]:
    made: SharedStore
    if request.param == "memory":
        made = in_memory(LIMITS)
    else:
        made = RedisStore(request.getfixturevalue("redis_server").url, secret="s" * 32, limits=LIMITS)
    yield made
    await made.close()


async def test_a_value_is_there_until_it_expires(store: SharedStore) -> None:
    await store.put(A, b"\0value", owner="key 1", lives_s=10, now=1000.5)
    assert await store.get(A, now=1010.4) == b"\0value"
    assert await store.get(A, now=1010.5) is None
    assert await store.get(B, now=1001) is None


async def test_only_so_many_live_at_once_and_those_that_expire_make_room(store: SharedStore) -> None:
    for digest, lives_s in ((A, 10), (B, 99), (C, 99)):
        await store.put(digest, b"", owner=digest.hex(), lives_s=lives_s, now=0)
    with pytest.raises(Rejection) as refused:
        await store.put(D, b"", owner="d", lives_s=10, now=9.9)
    assert refused.value.name == "full_of_secrets"
    assert await store.get(D, now=9.9) is None
    await store.put(D, b"d", owner="d", lives_s=10, now=10)
    assert await store.get(D, now=10) == b"d"


async def test_values_of_one_owner_hold_so_much_and_all_of_them_so_much(store: SharedStore) -> None:
    for digest in (A, B):
        await store.put(digest, LARGE, owner="key 1", lives_s=10, now=0)
    with pytest.raises(Rejection, match="250000 bytes") as of_owner:
        await store.put(C, LARGE, owner="key 1", lives_s=10, now=0)
    with pytest.raises(Rejection) as of_all:
        await store.put(C, LARGE + LARGE, owner="key 2", lives_s=10, now=0)
    assert (of_owner.value.name, of_all.value.name) == ("secrets", "full_of_secrets")
    await store.put(C, LARGE, owner="key 2", lives_s=10, now=0)
    await store.put(D, LARGE, owner="key 1", lives_s=10, now=10)


async def test_each_owner_has_a_rate_of_its_own_which_fills_again(store: SharedStore) -> None:
    asked = [("a", 100.0), ("a", 100.0), ("a", 100.0), ("b", 100.0), ("a", 129.9), ("a", 130.1), ("a", 130.2)]
    assert [await store.take(owner, per_minute=2, now=now) for owner, now in asked] == [
        True,
        True,
        False,
        True,
        False,
        True,
        False,
    ]


async def test_a_clock_that_is_behind_takes_nothing_back(store: SharedStore) -> None:
    assert [await store.take("a", per_minute=1, now=now) for now in (100, 50, 100, 160)] == [True, False, False, True]


async def test_a_rate_below_one_a_minute_lets_one_in(store: SharedStore) -> None:
    assert [await store.take("a", per_minute=0.5, now=now) for now in (0, 60, 121)] == [True, False, True]


async def test_it_can_be_reached_and_is_used_again_after_it_was_closed(store: SharedStore) -> None:
    assert await store.fault() is None
    await store.close()
    await store.put(A, b"a", owner="a", lives_s=10, now=0)
    store.drop_expired(0)
    assert await store.get(A, now=1) == b"a"
