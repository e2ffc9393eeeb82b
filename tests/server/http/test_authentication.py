"""Who may use a server, and how much: named keys, and an application's own authentication."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from duologue.server import Allowance, Authenticate, NamedKey, Principal
from duologue.server.http.auth import header
from duologue.transports.asgi import Scope
from tests.server._listening import scripted_app

ALICE = NamedKey.of("alice", "a-key", Allowance(sessions=1, models=("m",)))
BOB = NamedKey.of("bob", "b-key", Allowance(sessions_per_minute=2))


class Caller:
    """Connects to an application in this process, and asks for its pages."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.sent: list[dict[str, Any]] = []
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.pages = httpx.AsyncClient(transport=transport, base_url="http://server")

    async def get(self, path: str, key: str = "") -> httpx.Response:
        return await self.pages.get(path, headers={"Authorization": f"Bearer {key}"} if key else {})

    @asynccontextmanager
    async def connected(self, key: str, query: str = "") -> AsyncGenerator[str]:
        """The first message of a session, or of its rejection."""
        received, sent = asyncio.Queue[dict[str, Any]](), asyncio.Queue[dict[str, Any]]()
        received.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/v1/realtime",
            "query_string": query.encode(),
            "headers": [(b"authorization", f"Bearer {key}".encode())],
            "client": ("127.0.0.1", 1),
            "subprotocols": [],
        }

        async def send(message: dict[str, Any]) -> None:
            sent.put_nowait(message)

        serving = asyncio.ensure_future(self.app(scope, received.get, send))
        try:
            async with asyncio.timeout(5):
                while (message := await sent.get())["type"] != "websocket.send":
                    pass
                yield str(message["text"])
        finally:
            received.put_nowait({"type": "websocket.disconnect", "code": 1000})
            await asyncio.wait({serving}, timeout=5)


@asynccontextmanager
async def caller(**settings: Any) -> AsyncGenerator[Caller]:
    app = scripted_app(**settings)
    async with app.running():
        calling = Caller(app)
        try:
            yield calling
        finally:
            await calling.pages.aclose()


async def test_named_keys_let_in_and_others_do_not() -> None:
    async with caller(named_keys=(ALICE, BOB), api_key="plain") as calling:
        statuses = [(await calling.get("/v1/models", key)).status_code for key in ("a-key", "b-key", "plain", "x", "")]
        assert statuses == [200, 200, 200, 401, 401]


async def test_a_caller_s_limits_are_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "duologue.server")
    async with caller(named_keys=(ALICE, BOB)) as calling:
        async with calling.connected("a-key", "model=m") as first:
            assert "session.created" in first
            async with calling.connected("a-key", "model=m") as second:
                assert "Too many sessions at once" in second
            async with calling.connected("b-key") as other:
                assert "session.created" in other
        async with calling.connected("b-key") as again:
            assert "session.created" in again
        async with calling.connected("b-key") as third:
            assert "Too many new sessions" in third
        async with calling.connected("a-key", "model=other") as wrong:
            assert "The model 'other' is not served here" in wrong
        async with calling.connected("a-key") as unnamed:
            assert "must provide a model" in unnamed
        figures = (await calling.get("/metrics", "a-key")).text
    assert 'duologue_owner_sessions_total{owner="alice"} 1.0' in figures
    assert 'duologue_owner_sessions_total{owner="bob"} 2.0' in figures
    assert 'duologue_owner_turned_away_total{owner="alice"} 3.0' in figures
    assert 'duologue_owner_sessions_open{owner="bob"} 0.0' in figures
    assert "owner=alice" in caplog.text
    assert "a-key" not in caplog.text


async def test_addresses_have_no_figures() -> None:
    async with caller() as calling:
        async with calling.connected("") as first:
            assert "session.created" in first
        assert "owner=" not in (await calling.get("/metrics")).text


def by_token(scope: Scope) -> Principal | None:
    token = header(scope, "authorization")
    return Principal(owner="acme", allowance=Allowance(sessions=1)) if token == "Bearer token" else None


async def by_token_later(scope: Scope) -> Principal | None:
    await asyncio.sleep(0)
    return by_token(scope)


@pytest.mark.parametrize("authenticate", [by_token, by_token_later])
async def test_the_application_says_who_a_caller_is_and_what_it_may_have(authenticate: Authenticate) -> None:
    async with caller(authenticate=authenticate) as calling:
        assert [(await calling.get("/v1/models", key)).status_code for key in ("token", "x", "")] == [200, 401, 401]
        async with calling.connected("token") as first:
            assert "session.created" in first
            async with calling.connected("token") as second:
                assert "Too many sessions at once" in second
        async with calling.connected("x") as refused:
            assert "Incorrect API key" in refused
        assert 'duologue_owner_sessions_total{owner="acme"} 1.0' in (await calling.get("/metrics", "token")).text


async def test_a_caller_whom_the_application_does_not_know_may_have_a_key() -> None:
    async with caller(authenticate=by_token, api_key="plain", named_keys=(BOB,)) as calling:
        statuses = [(await calling.get("/v1/models", key)).status_code for key in ("token", "plain", "b-key", "x")]
        assert statuses == [200, 200, 200, 401]


async def test_a_client_secret_belongs_to_the_caller_that_made_it() -> None:
    async with caller(authenticate=by_token) as calling:
        answer = await calling.pages.post(
            "/v1/realtime/client_secrets", json={}, headers={"Authorization": "Bearer token"}
        )
        secret = answer.json()["value"]
        async with calling.connected(secret) as first:
            assert "session.created" in first
            async with calling.connected(secret) as second:
                assert "Too many sessions at once" in second


BROKEN: dict[str, Any] = {
    "it breaks": lambda scope: 1 / 0,
    "it returns a name": lambda scope: "acme",
    "the name is empty": lambda scope: Principal(owner=""),
    "the name is like one of others": lambda scope: Principal(owner="address 1"),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_an_application_that_cannot_say_lets_no_caller_in(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    async with caller(authenticate=BROKEN[fault], api_key="plain") as calling:
        assert (await calling.get("/v1/models", "plain")).status_code == 500
        async with calling.connected("plain") as refused:
            assert "The server had an error" in refused
        assert (await calling.get("/healthz")).status_code == 200
    assert "authentication broke" in caplog.text


@pytest.mark.usefixtures("idle_clock")
async def test_an_application_that_takes_too_long_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def hang(scope: Scope) -> Principal | None:
        await asyncio.Event().wait()
        return None

    async with caller(authenticate=hang) as calling:
        answer = await calling.get("/v1/models", "token")
        assert answer.status_code == 503
        assert "cannot be found out now" in answer.text
    assert "authentication late" in caplog.text
