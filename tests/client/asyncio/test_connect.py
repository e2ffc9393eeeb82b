from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from duologue import connect
from duologue.client import Endpoint
from duologue.client.auth import Auth
from duologue.client.endpoint import session_url
from duologue.engines.registry import Engines
from duologue.errors import ConnectFailed
from duologue.server import RealtimeApp
from duologue.testing import scripted_engines
from tests._uvicorn import under_uvicorn


@pytest.mark.parametrize(
    ("url", "model", "expected"),
    [
        ("ws://127.0.0.1:8000", None, "ws://127.0.0.1:8000/v1/realtime"),
        ("ws://127.0.0.1:8000/", "m", "ws://127.0.0.1:8000/v1/realtime?model=m"),
        ("https://host/v1/realtime", "a b&c", "wss://host/v1/realtime?model=a+b%26c"),
        ("http://host/other", None, "ws://host/other"),
        ("wss://host/v1/realtime?model=x&intent=y", "m", "wss://host/v1/realtime?model=m&intent=y"),
        ("wss://host/?empty=", None, "wss://host/v1/realtime?empty="),
    ],
)
def test_what_is_missing_in_a_url_is_filled_in(url: str, model: str | None, expected: str) -> None:
    assert session_url(url, model=model) == expected


async def test_key_and_headers_go_into_the_handshake() -> None:
    seen: dict[str, str] = {}

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.update(connection.request.headers.raw_items(), path=connection.request.path)

    async with serve(look, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        async with asyncio.timeout(5), connect(url, model="m", api_key="k", headers={"X-Mine": "1"}) as connection:
            assert [event async for event in connection] == []
    assert (seen["Authorization"], seen["X-Mine"], seen["path"]) == ("Bearer k", "1", "/v1/realtime?model=m")


async def test_a_server_that_is_not_there_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ConnectFailed):
        async with connect(f"ws://127.0.0.1:{port}"):
            pass
    assert asyncio.all_tasks() == before


async def test_an_endpoint_stands_for_all_its_parts() -> None:
    seen: list[str] = []

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(f"{connection.request.path} {connection.request.headers['api-key']}")

    async with serve(look, "127.0.0.1", 0) as server, asyncio.timeout(5):
        port = next(iter(server.sockets)).getsockname()[1]
        endpoint = Endpoint(url=f"ws://127.0.0.1:{port}", call_id="rtc_1", api_key="k", auth="api-key")
        async with connect(endpoint):
            pass
    assert seen == ["/v1/realtime?call_id=rtc_1 k"]


@pytest.fixture
async def running_server() -> AsyncGenerator[str, None]:
    """Our own server, with a key and scripted engines."""

    @asynccontextmanager
    async def engines() -> AsyncGenerator[Engines, None]:
        yield scripted_engines()

    app = RealtimeApp(engines=engines, api_key="sesame")
    async with app.running(), under_uvicorn(app, lifespan="off") as port:
        yield f"ws://127.0.0.1:{port}"


async def test_a_key_in_a_sub_protocol_opens_our_own_server(running_server: str) -> None:
    async with asyncio.timeout(5), connect(running_server, api_key="sesame", auth="subprotocol") as connection:
        assert (await connection.receive()).type == "session.created"


@pytest.mark.parametrize("auth", ["bearer", "api-key"])
async def test_a_key_in_a_header_opens_our_own_server(running_server: str, auth: Auth) -> None:
    async with asyncio.timeout(5), connect(running_server, api_key="sesame", auth=auth) as connection:
        assert (await connection.receive()).type == "session.created"
        assert connection.dialect == "openai"
