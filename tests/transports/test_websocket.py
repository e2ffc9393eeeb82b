from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.transports.websocket import open_websocket


def port_of(server: object) -> int:
    sockets: list[socket.socket] = list(getattr(server, "sockets", ()))
    port: int = sockets[0].getsockname()[1]
    return port


async def idle(socket: ServerConnection) -> None:
    await socket.wait_closed()


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (404, False), (429, True), (503, True)])
async def test_an_http_answer_says_whether_another_try_can_help(status: int, retryable: bool) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return Response(status, "no", Headers())

    async with serve(idle, "127.0.0.1", 0, process_request=refuse) as server:
        with pytest.raises(ConnectFailed, match=f"HTTP {status}") as caught:
            await open_websocket(f"ws://127.0.0.1:{port_of(server)}/", headers={"Authorization": "Bearer secret"})
    assert caught.value.retryable is retryable
    assert "secret" not in str(caught.value)


async def test_nobody_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ConnectFailed, match="cannot reach") as caught:
        await open_websocket(f"ws://127.0.0.1:{port}/")
    assert caught.value.retryable


async def test_a_server_that_says_nothing_is_given_up_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ConnectFailed, match="did not answer within") as caught:
            await open_websocket(url, open_timeout_s=0.05)
    assert caught.value.retryable


async def test_a_server_of_another_protocol_is_not_worth_another_try() -> None:
    async def speak_smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak_smtp, "127.0.0.1", 0) as server:
        with pytest.raises(ConnectFailed, match="does not speak WebSocket") as caught:
            await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
    assert not caught.value.retryable


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "nonsense", "ws://"])
async def test_what_is_no_websocket_url_is_named(url: str) -> None:
    with pytest.raises(ConnectFailed, match="not a WebSocket URL"):
        await open_websocket(url)


@pytest.mark.parametrize(
    ("code", "kind"), [(1000, ConnectionClosedOK), (1001, ConnectionClosedOK), (4000, ConnectionClosedError)]
)
async def test_the_server_s_close_reaches_the_client(code: int, kind: type[ConnectionClosed]) -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.send("before")
        await socket.close(code, "why")

    async with serve(leave, "127.0.0.1", 0) as server:
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        assert await end.receive() == "before"
        with pytest.raises(kind) as caught:
            await end.receive()
        assert (caught.value.code, caught.value.reason) == (code, "why")


async def test_a_connection_that_breaks_off_is_an_error() -> None:
    async def break_off(socket: ServerConnection) -> None:
        socket.transport.abort()

    async with serve(break_off, "127.0.0.1", 0) as server:
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        with pytest.raises(ConnectionClosedError) as caught:
            await end.receive()
        assert caught.value.code == 1006


@pytest.mark.parametrize("act", [lambda s: None, lambda s: s.transport.pause_reading()], ids=["reads", "does not read"])
async def test_a_close_is_bounded_whatever_the_peer_does(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[ServerConnection], None]
) -> None:
    monkeypatch.setattr("duologue.transports.websocket._CLOSE_TIMEOUT_S", 0.1)
    over = asyncio.Event()

    async def sit(socket: ServerConnection) -> None:
        act(socket)
        await over.wait()
        socket.transport.abort()

    async with serve(sit, "127.0.0.1", 0) as server:
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        async with asyncio.timeout(3):
            await end.close(1000, "x" * 200)
            await end.close()
        over.set()
