from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from duologue import connect
from duologue.client import Endpoint
from duologue.client.asyncio import connect as connecting
from duologue.client.auth import Auth
from duologue.errors import ConnectFailed
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from tests.server._listening import listening


@asynccontextmanager
async def noting(requests: list[Request]) -> AsyncGenerator[str, None]:
    """A server that keeps the requests of handshakes, and closes; its URL."""

    async def look(connection: ServerConnection) -> None:
        assert connection.request is not None
        requests.append(connection.request)

    async with serve(look, "127.0.0.1", 0) as server, asyncio.timeout(5):
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def test_key_and_headers_go_into_the_handshake() -> None:
    requests: list[Request] = []
    async with (
        noting(requests) as url,
        connect(url, model="m", api_key="k", headers={"X-Mine": "1"}) as connection,
    ):
        assert [event async for event in connection] == []
    [seen] = requests
    assert (seen.headers["Authorization"], seen.headers["X-Mine"]) == ("Bearer k", "1")
    assert seen.path == "/v1/realtime?model=m"


async def test_a_server_that_is_not_there_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    with pytest.raises(ConnectFailed):
        await connect("ws://127.0.0.1:1").__aenter__()
    assert asyncio.all_tasks() == before


async def test_an_endpoint_stands_for_all_its_parts() -> None:
    requests: list[Request] = []
    async with (
        noting(requests) as url,
        connect(Endpoint(url=url, call_id="rtc_1", api_key="k", auth="api-key")),
    ):
        pass
    assert [(seen.path, seen.headers["api-key"]) for seen in requests] == [("/v1/realtime?call_id=rtc_1", "k")]


@pytest.mark.parametrize("auth", ["bearer", "api-key", "subprotocol"])
async def test_a_key_opens_our_own_server(auth: Auth) -> None:
    app = RealtimeApp(engines=scripted_app_engines(), api_key="sesame")
    async with listening(app) as url, connect(url, api_key="sesame", auth=auth) as connection:
        assert (await connection.receive(timeout=5)).type == "session.created"
        assert connection.dialect == "openai"


async def test_a_url_of_live_is_refused_because_it_is_another_protocol() -> None:
    with pytest.raises(ConnectFailed, match="URL of Live"):
        async with connect("ws://localhost:1/v1/live/sessions", model="gpt-live-1"):
            raise AssertionError("it does not open")


async def test_a_call_that_is_not_known_at_once_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_CALL_KNOWN_AFTER_S", (0.01, 0.01))
    asked: list[str] = []

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        asked.append(request.path)
        return connection.respond(404, "no such call") if len(asked) < 3 else None

    async def greet(connection: ServerConnection) -> None:
        await connection.send('{"type": "session.created", "event_id": "event_1", "session": {}}')

    async with serve(greet, "127.0.0.1", 0, process_request=answer) as server, asyncio.timeout(5):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with connect(url, call_id="rtc_1") as connection:
            assert connection.call_id == "rtc_1"
            await connection.receive()
        assert asked == ["/v1/realtime?call_id=rtc_1"] * 3
        asked.clear()
        with pytest.raises(ConnectFailed, match="404"):
            async with connect(url):
                pass
        assert len(asked) == 1
        asked[:] = []
        monkeypatch.setattr(connecting, "_CALL_KNOWN_AFTER_S", (0.01,))
        with pytest.raises(ConnectFailed, match="404"):
            async with connect(url, call_id="rtc_1"):
                pass
        assert len(asked) == 2
