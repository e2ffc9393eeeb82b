"""A uvicorn that is started as Ray starts it, in front of an application as Ray puts one there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
import uvicorn.config
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from duologue.deploy.ray.edge import hold_connections
from duologue.errors import DuologueError
from duologue.server import Limits, RealtimeApp
from duologue.transports.asgi import ADMISSION, ASGIReceive, ASGISend, Scope
from tests._uvicorn import under_uvicorn
from tests.server._listening import scripted_app


@pytest.fixture(autouse=True)
def _own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of uvicorn is the process's."""
    monkeypatch.setattr(uvicorn.config, "HTTP_PROTOCOLS", dict(uvicorn.config.HTTP_PROTOCOLS))


@asynccontextmanager
async def replica(application: RealtimeApp, seen: list[Scope]) -> AsyncGenerator[int]:
    """Yields its port; `seen` gets what Ray is told of each connection."""

    async def ray(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        seen.append(scope)
        await application(scope, receive, send)

    hold_connections(application)
    async with application.running(), under_uvicorn(ray, lifespan="off") as port:
        yield port


async def test_ray_s_uvicorn_holds_sessions_as_the_server_does() -> None:
    seen: list[Scope] = []
    async with replica(scripted_app(), seen) as port, connect(f"ws://127.0.0.1:{port}/v1/realtime?model=m") as client:
        assert "session.created" in str(await client.recv())
        assert client.protocol.extensions == []  # uvicorn's own would have taken compression
    (scope,) = seen
    assert ADMISSION in scope["extensions"]
    assert (b"x-request-disconnect-disabled", b"?1") in scope["headers"]


async def test_a_client_that_asks_for_another_path_gets_the_status_of_its_handshake() -> None:
    async with replica(scripted_app(), []) as port:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/v1/nothing")
    assert refused.value.response.status_code == 404


async def test_the_application_s_limits_hold() -> None:
    async with replica(scripted_app(limits=Limits(max_header_bytes=2000)), []) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        large = await client.get(f"http://127.0.0.1:{port}/healthz", headers={"x-large": "x" * 3000})
    assert large.status_code == 431


@pytest.mark.parametrize(("trusted", "address"), [(None, "127.0.0.1"), ("127.0.0.1", "203.0.113.7")])
async def test_the_address_that_a_client_claims_counts_only_where_a_proxy_is_named(
    trusted: str | None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if trusted is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    seen: list[Scope] = []
    async with replica(scripted_app(), seen) as port, httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{port}/healthz", headers={"x-forwarded-for": "203.0.113.7"})
    assert [scope["client"][0] for scope in seen] == [address]


async def test_what_ray_says_of_paths_and_of_idle_connections_stays() -> None:
    application = scripted_app()
    hold_connections(application)
    rays = uvicorn.Config(application, root_path="/voice", timeout_keep_alive=90, lifespan="off", log_config=None)
    rays.load()
    make: Any = rays.http_protocol_class
    made = make(config=rays, server_state=uvicorn.Server(rays).server_state, app_state={})
    assert (made.root_path, made.timeout_keep_alive) == ("/voice", 90)


def _reads_nothing(config: uvicorn.Config) -> None:
    config.http_protocol_class = object  # type: ignore[assignment]


@pytest.mark.parametrize("has_table", [True, False])
def test_a_uvicorn_that_does_not_look_there_is_refused(has_table: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if has_table:
        monkeypatch.setattr(uvicorn.Config, "load", _reads_nothing)
    else:
        monkeypatch.delattr(uvicorn.config, "HTTP_PROTOCOLS")
    with pytest.raises(DuologueError, match=r"uvicorn [\d.]+ does not take the server's own connections"):
        hold_connections(scripted_app())
