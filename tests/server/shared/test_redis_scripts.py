"""Scripts leave the server as they should."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from duologue.server.shared.redis_scripts import PUT, TAKE
from tests.server._redis_server import RedisServer

TABLES = ("expiring", "held")
UNLIMITED = (100, 10_000, 10_000)


async def test_a_value_whose_first_answer_was_lost_is_counted_once_and_counted_off_once(
    redis_server: RedisServer,
) -> None:
    client: Any = Redis.from_url(redis_server.url, protocol=2)
    async with client:
        put = client.register_script(PUT)
        for _ in range(2):
            assert await put(keys=("1", *TABLES), args=("v", 5000, 0, 5, "aa", "0b", 600, *UNLIMITED)) == b""
        assert await client.hgetall("held") == {b"all": b"600", b"0b": b"600"}
        assert 0 < await client.pttl("1") <= 5000
        await put(keys=("2", *TABLES), args=("v", 5000, 5, 10, "bb", "0c", 700, *UNLIMITED))
        assert await client.hgetall("held") == {b"all": b"700", b"0c": b"700"}
        assert await client.zrange("expiring", 0, -1) == [b"bb 0c 700"]
        assert {await client.ttl(table) for table in TABLES} == {86400}


async def test_a_bucket_goes_when_it_is_full_again(redis_server: RedisServer) -> None:
    client: Any = Redis.from_url(redis_server.url, protocol=2)
    async with client:
        assert await client.register_script(TAKE)(keys=("bucket",), args=(0.5, 30, 1.7e9, 60_000)) == 1
        assert await client.hgetall("bucket") == {b"tokens": b"29", b"at": b"1700000000"}
        assert 0 < await client.pttl("bucket") <= 60_000
