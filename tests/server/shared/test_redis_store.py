"""Several servers share client secrets and rates by a real Redis server, which sees neither, and may be away."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
from starlette.types import ASGIApp

from duologue import connect
from duologue.client.client_secrets import client_secret
from duologue.errors import ConnectionClosedError, DuologueError
from duologue.events import ErrorEvent, RealtimeSession, RealtimeSessionConfig, SessionCreatedEvent
from duologue.server import Limits, RealtimeApp
from duologue.server.http.client_secrets import ClientSecrets
from duologue.server.rejections import Rejection
from duologue.server.session_start import SessionStart
from duologue.server.shared import redis_store
from duologue.server.shared.redis_store import RedisStore
from tests.server._listening import listening, scripted_app
from tests.server._redis_server import RedisServer
from tests.server._talking import typed, until

pytestmark = pytest.mark.timeout(30)

SECRET = "0123456789abcdef" * 2
DIGEST = b"d" * 32
INSTRUCTIONS = "Speak of nothing but tulips."


class AtOneInstant(RedisStore):
    """Its rates do not fill, however long a test takes."""

    async def take(self, owner: str, *, per_minute: float, now: float) -> bool:
        return await super().take(owner, per_minute=per_minute, now=1_800_000_000.0)


def machine(server: RedisServer, limits: Limits | None = None) -> RealtimeApp:
    """An application as on a machine of its own."""
    return scripted_app(api_key="sesame", store=AtOneInstant(server.url, secret=SECRET), limits=limits)


async def readiness(application: ASGIApp) -> tuple[int, object]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client:
        answer = await client.get("/readyz")
        return answer.status_code, answer.json()


async def code_of(url: str, key: str = "sesame") -> tuple[object, int | None]:
    """The code of the error with which a session is refused, and of the close; None twice: it is served."""
    async with connect(url, api_key=key) as connection:
        first = await connection.receive(timeout=5)
        if isinstance(first, SessionCreatedEvent):
            return None, None
        assert isinstance(first, ErrorEvent), first
        with pytest.raises(ConnectionClosedError) as closed:
            await connection.receive(timeout=5)
        return first.error.code, closed.value.code


async def test_a_fresh_secret_of_one_machine_opens_on_another_two_hundred_times(redis_server: RedisServer) -> None:
    async def one(number: int) -> str:
        made = await client_secret(
            urls[number % 2], api_key="sesame", session=RealtimeSessionConfig(instructions=f"{INSTRUCTIONS} {number}")
        )
        async with connect(urls[(number + 1) % 2], api_key=made.value) as connection:
            created = await connection.receive(timeout=5)
            assert isinstance(created, SessionCreatedEvent), created
            assert isinstance(created.session, RealtimeSession)
            return str(created.session.instructions)

    async with AsyncExitStack() as machines:
        urls = [await machines.enter_async_context(listening(machine(redis_server))) for _ in range(2)]
        served: list[str] = []
        for begin in range(0, 200, 20):
            served += await asyncio.gather(*(one(number) for number in range(begin, begin + 20)))
        assert served == [f"{INSTRUCTIONS} {number}" for number in range(200)]


async def test_thirty_of_sixty_sessions_are_let_in_by_two_machines(redis_server: RedisServer) -> None:
    limits = Limits(sessions_per_minute=30)
    async with AsyncExitStack() as machines:
        urls = [await machines.enter_async_context(listening(machine(redis_server, limits=limits))) for _ in range(2)]
        codes = await asyncio.gather(*(code_of(urls[number % 2]) for number in range(60)))
    assert Counter(codes) == {(None, None): 30, ("rate_limit_exceeded", 1013): 30}


async def test_sessions_go_on_while_the_store_is_away_and_new_ones_are_refused_until_it_is_back(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_store, "_HOLDS_S", 0.0)
    application = machine(redis_server)
    async with listening(application) as url, connect(url, api_key="sesame") as open_session:
        made = await client_secret(url, api_key="sesame")
        assert await readiness(application) == (200, {"status": "ok", "sessions": 1})
        redis_server.stop()
        assert await readiness(application) == (503, {"status": "store", "store": "not reachable"})
        assert await code_of(url) == ("server_overloaded", 1013)
        assert await code_of(url, made.value) == ("server_overloaded", 1013)
        with pytest.raises(DuologueError, match="cannot be reached"):
            await client_secret(url, api_key="sesame")
        await open_session.send(typed("Hello."))
        await open_session.response.create()
        await until(open_session, "response.done")
        redis_server.start()
        assert (await readiness(application))[0] == 200
        assert await code_of(url) == (None, None)
        assert await code_of(url, made.value) == ("invalid_api_key", 3000), "a server that forgot all knows no secret"
    told = [record.message for record in caplog.records if "shared store" in record.message]
    assert [line.split(" store=")[0] for line in told] == ["shared store not reachable", "shared store reachable again"]


async def test_a_server_starts_without_its_store_and_is_ready_when_it_comes(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "_HOLDS_S", 0.0)
    redis_server.stop()
    application = machine(redis_server)
    async with application.running():
        assert (await readiness(application))[0] == 503
        redis_server.start()
        assert (await readiness(application))[0] == 200


async def test_whether_it_can_be_reached_is_asked_once_a_second(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url, secret=SECRET)
    assert await store.fault() is None
    redis_server.stop()
    assert await store.fault() is None
    store._holds_until_s = 0
    assert await store.fault() is not None
    await store.close()


async def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "_ANSWER_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}", secret=SECRET)
        with pytest.raises(Rejection) as refused:
            await store.take("a", per_minute=1, now=0)
        await store.close()
    assert (refused.value.name, refused.value.http_status) == ("no_store", 503)


async def test_redis_has_no_instructions_no_secret_and_no_owner(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url, secret=SECRET)
    start = SessionStart(message=f'{{"type":"session.update","session":{{"instructions":"{INSTRUCTIONS}"}}}}')
    made = await ClientSecrets(store).make(start, owner="address 192.0.2.7", lives_s=600, unix_now_s=1000)
    assert await ClientSecrets(store).find(made.value, unix_now_s=1001) == ("address 192.0.2.7", start)
    assert await store.take("address 192.0.2.7", per_minute=1, now=0)
    await store._client.save()
    written = redis_server.dump.read_bytes()
    with suppress(OSError):  # not every system shows a process the memory of another
        written += redis_server.memory()
    await store.close()
    assert b"duologue:{shared}:secret:" in written
    for hidden in ("tulips", made.value, made.value.removeprefix("ek_"), "192.0.2.7", SECRET):
        assert hidden.encode() not in written


async def test_what_another_secret_has_sealed_is_unknown_and_the_log_says_why_once(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = (RedisStore(redis_server.url, secret=secret) for secret in (SECRET, SECRET[::-1]))
    await one.put(DIGEST, b"value", owner="a", lives_s=10, now=0)
    for _ in range(2):
        assert await other.get(DIGEST, now=1) is None
    for store in (one, other):
        await store.close()
    assert [record.levelno for record in caplog.records if "does not open" in record.message] == [logging.ERROR]


async def test_a_server_that_refuses_is_as_one_that_is_away(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    store = RedisStore(redis_server.url, secret=SECRET)
    await store._client.config_set("maxmemory", "1")
    with pytest.raises(Rejection):
        await store.put(DIGEST, b"value", owner="a", lives_s=10, now=0)
    assert "OutOfMemoryError" in caplog.text
    await store.close()


@pytest.mark.parametrize(
    "url", ["127.0.0.1", "http://127.0.0.1", "redis://", "unix://", "redis://host:port", "redis://:hush@h?db=hush"]
)
def test_what_is_no_address_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH") as refused:
        RedisStore(url, secret=SECRET)
    assert "hush" not in str(refused.value)


def test_the_place_is_shown_without_its_password() -> None:
    assert RedisStore("rediss://user:hush@store.internal:6390/1", secret=SECRET).place == "store.internal:6390"
    assert RedisStore("unix:///run/redis.sock", secret=SECRET).place == "/run/redis.sock"
    assert RedisStore("redis://store", secret=SECRET).place == "store:6379"
