from __future__ import annotations

import asyncio
import socket

import pytest
from websockets.asyncio.server import ServerConnection, serve

from duologue import connect
from duologue.client.connect import session_url
from duologue.errors import ConnectFailed


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
