"""A replica to which HAProxy, or Ray's own proxy, passes clients on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from duologue.deploy.ray.direct_only import DirectOnly
from duologue.transports.asgi import ADMISSION, ASGIReceive, ASGISend, Scope
from tests.server._listening import scripted_app

FALLBACK = 8500
NOT_HELD = "connections are Ray's: calls cost twice as much, and limits do not hold"


@asynccontextmanager
async def replica() -> AsyncGenerator[DirectOnly]:
    app = scripted_app()
    async with app.running():
        yield DirectOnly(app, fallback_port=FALLBACK)


@pytest.mark.parametrize(("port", "path", "status"), [(30_000, "readyz", 200), (FALLBACK, "readyz", 503)])
async def test_it_is_ready_once_haproxy_reaches_it(port: int, path: str, status: int) -> None:
    async with replica() as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://server:{port}") as client:
            assert (await client.get(f"/{path}")).status_code == status
            assert (await client.get("/healthz")).status_code == 200


async def _messages(app: Any, *, port: int) -> list[dict[str, Any]]:
    """What a client is sent who says nothing and goes."""
    sent: list[dict[str, Any]] = []
    received = iter([{"type": "websocket.connect"}])
    scope = {
        "type": "websocket",
        "path": "/v1/realtime",
        "query_string": b"model=m",
        "headers": [],
        "server": ("h", port),
    }

    async def receive() -> dict[str, Any]:
        return next(received, {"type": "websocket.disconnect", "code": 1005})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_a_session_by_ray_s_own_proxy_is_told_to_come_again() -> None:
    async with replica() as app:
        accepted, error, closed = await _messages(app, port=FALLBACK)
    assert accepted["type"] == "websocket.accept"
    assert "server_not_ready" in error["text"]
    assert (closed["type"], closed["code"]) == ("websocket.close", 1013)


async def test_a_session_by_haproxy_is_the_application_s() -> None:
    served: list[Scope] = []

    async def application(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        served.append(scope)

    assert await _messages(DirectOnly(application, fallback_port=FALLBACK), port=30_000) == []
    assert [scope["server"] for scope in served] == [("h", 30_000)]


@pytest.mark.parametrize("extensions", [{}, {ADMISSION: {}}])
async def test_connections_that_are_not_held_by_us_are_said_once(
    extensions: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def application(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        pass

    async def unused(*_: object) -> Any:
        raise AssertionError

    app = DirectOnly(application, fallback_port=FALLBACK)
    for _ in range(2):
        await app({"type": "websocket", "server": ("h", 30_000), "extensions": extensions}, unused, unused)
    assert caplog.text.count(NOT_HELD) == (ADMISSION not in extensions)


async def test_a_client_that_has_gone_is_not_told() -> None:
    async def application(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        raise AssertionError

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        raise OSError

    scope: Scope = {"type": "websocket", "path": "/v1/realtime", "headers": [], "server": ("h", FALLBACK)}
    await DirectOnly(application, fallback_port=FALLBACK)(scope, receive, send)
