from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed as WebSocketClosed

from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.transports.socket_options import SocketOptions
from duologue.transports.websocket import open_websocket


def port_of(server: object) -> int:
    sockets: list[socket.socket] = list(getattr(server, "sockets", ()))
    port: int = sockets[0].getsockname()[1]
    return port


async def idle(socket: ServerConnection) -> None:
    await socket.wait_closed()


async def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ConnectFailed, match="cannot reach") as caught:
        await open_websocket(f"ws://127.0.0.1:{port}/")
    assert caught.value.retryable


async def test_a_server_that_says_nothing_is_given_up_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(ConnectFailed, match="did not answer within") as caught:
            await open_websocket(url, open_timeout=0.05)
    assert caught.value.retryable


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


async def test_no_handshake_and_no_message_is_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.WARNING)

    async def answer(socket: ServerConnection) -> None:
        await socket.send(f"you said {await socket.recv()!r}")

    async with serve(answer, "127.0.0.1", 0) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/?key=secret", headers={"api-key": "secret"})
        await end.send("a secret")
        await end.receive()
        await end.close()
    assert "secret" not in caplog.text


# --- sizes


async def request(max_size: int, options: SocketOptions, message: str, answer: str) -> ConnectionClosed:
    """Send, receive, and learn how it ended."""

    async def serve_one(socket: ServerConnection) -> None:
        with suppress(WebSocketClosed):
            await socket.recv()
            await socket.send(answer)
            await socket.recv()

    async with serve(serve_one, "127.0.0.1", 0, max_size=max_size) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/", options=options)
        await end.send(message)
        with pytest.raises(ConnectionClosedError) as caught:
            await end.receive()
        await end.close()
    return caught.value


async def test_a_message_that_is_too_big_for_us_is_named_with_its_size_and_the_limit() -> None:
    closed = await request(1000, SocketOptions(max_message_bytes=100), "hello", "x" * 101)
    assert closed.code == 1009
    assert "a message from the server is larger than max_message_bytes" in str(closed)
    assert "101 bytes" in str(closed)
    assert "100 bytes" in str(closed)


async def test_a_message_that_is_too_big_for_the_server_is_named_with_the_size_of_the_largest() -> None:
    closed = await request(1000, SocketOptions(), "x" * 1001, "")
    assert closed.code == 1009
    assert "the server takes no such message; the largest sent had 1001 bytes" in str(closed)


async def test_messages_of_sixteen_mebibytes_pass() -> None:
    size_bytes = 16 * 1024 * 1024

    async def big(socket: ServerConnection) -> None:
        await socket.send("x" * size_bytes)
        await socket.wait_closed()

    async with serve(big, "127.0.0.1", 0) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        assert len(await end.receive()) == size_bytes
        await end.close()


# --- TLS


async def test_a_server_without_a_trusted_certificate_is_not_reached_and_an_ssl_context_is_used() -> None:
    asked: list[str | None] = []

    class Context(ssl.SSLContext):
        def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
            asked.append(named.get("server_hostname"))
            return super().wrap_bio(*args, **named)

    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as server, asyncio.timeout(5):
        url = f"wss://127.0.0.1:{port_of(server)}/"
        with pytest.raises(ConnectFailed, match="cannot reach"):
            await open_websocket(url, options=SocketOptions(ssl=Context(ssl.PROTOCOL_TLS_CLIENT)))
    assert asked == ["127.0.0.1"]


async def test_a_transport_that_was_closed_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with serve(idle, "127.0.0.1", 0) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/", options=SocketOptions())
        await end.close()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
async def test_a_message_that_is_sent_at_once_arrives_whole_and_in_order(size: int) -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    text = "\u00fc" * (size // 2) + "x" * (size % 2)
    async with serve(echo, "127.0.0.1", 0) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        await end.send("before")
        assert end.send_now(text)
        await end.send("behind")
        assert [await end.receive() for _ in range(3)] == ["before", text, "behind"]
        await end.close()
        assert not end.send_now(text)


async def test_nothing_is_sent_at_once_to_a_server_that_reads_nothing() -> None:
    async with serve(idle, "127.0.0.1", 0, max_queue=1) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        for _ in range(1_000):
            if not end.send_now("x" * 100_000):
                break
            await asyncio.sleep(0)
        else:
            pytest.fail("100 MB are taken")
        end._socket.transport.abort()
        await end.close()
