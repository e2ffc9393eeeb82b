"""Errors and redirects of a handshake: each is one sentence, and no secret leaves its origin."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from duologue.errors import ConnectFailed
from duologue.transports.socket_options import SocketOptions
from duologue.transports.websocket import open_websocket


def port_of(server: object) -> int:
    sockets: list[socket.socket] = list(getattr(server, "sockets", ()))
    port: int = sockets[0].getsockname()[1]
    return port


def message_of(fault: BaseException) -> str:
    """What a traceback says of an exception and of those behind it, without the lines of source."""
    behind = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return f"{fault!r} {fault}" + (message_of(behind) if behind is not None else "")


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


Answers = dict[str, tuple[int, str]]
"""By path: a status and where to."""


@asynccontextmanager
async def redirecting(answers: Answers, seen: list[Request]) -> AsyncGenerator[int, None]:
    """A server that sends callers on."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        status, location = answers.get(request.path, (101, ""))
        return None if status == 101 else Response(status, "elsewhere", Headers(Location=location))

    async with serve(idle, "127.0.0.1", 0, process_request=answer) as server:
        yield port_of(server)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_within_the_origin_is_followed_with_the_headers(status: int) -> None:
    seen: list[Request] = []
    answers: Answers = {"/old": (status, "/new/")}
    async with redirecting(answers, seen) as port, asyncio.timeout(5):
        answers["/new/"] = (status, f"http://127.0.0.1:{port}/newest")
        end = await open_websocket(f"ws://127.0.0.1:{port}/old", headers={"api-key": "secret"})
        await end.close()
    assert [request.path for request in seen] == ["/old", "/new/", "/newest"]
    assert [request.headers["api-key"] for request in seen] == ["secret"] * 3


@pytest.mark.parametrize("location", ["ws://127.0.0.1:{other}/", "http://127.0.0.1:{other}/x", "//localhost:{other}/"])
async def test_a_redirect_to_another_origin_is_refused_and_nothing_is_sent_there(location: str) -> None:
    seen: list[Request] = []
    elsewhere: list[Request] = []
    answers: Answers = {}
    async with redirecting({}, elsewhere) as other, redirecting(answers, seen) as port, asyncio.timeout(5):
        answers["/?key=secret"] = (307, location.format(other=other) + "?key=secret")
        with pytest.raises(ConnectFailed, match="redirects to another origin") as caught:
            await open_websocket(f"ws://127.0.0.1:{port}/?key=secret", headers={"api-key": "secret"})
    assert (len(seen), elsewhere) == (1, [])
    assert not caught.value.retryable
    assert "secret" not in message_of(caught.value)


async def test_the_same_host_by_another_scheme_or_port_is_another_origin() -> None:
    seen: list[Request] = []
    answers: Answers = {"/port": (302, "ws://127.0.0.1:1/")}
    async with redirecting(answers, seen) as port, asyncio.timeout(5):
        answers["/tls"] = (302, f"wss://127.0.0.1:{port}/")
        for path in ("/port", "/tls"):
            with pytest.raises(ConnectFailed, match="redirects to another origin"):
                await open_websocket(f"ws://127.0.0.1:{port}{path}")


async def test_redirects_in_a_circle_come_to_an_end() -> None:
    seen: list[Request] = []
    async with redirecting({"/": (302, "/")}, seen) as port, asyncio.timeout(5):
        with pytest.raises(ConnectFailed, match="redirects more than 3 times"):
            await open_websocket(f"ws://127.0.0.1:{port}/")
    assert len(seen) == 4


async def test_a_redirect_to_nowhere_is_an_answer_like_any_other() -> None:
    async with redirecting({"/": (302, "http://[nowhere")}, []) as port, asyncio.timeout(5):
        with pytest.raises(ConnectFailed, match="HTTP 302"):
            await open_websocket(f"ws://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:1/?api_key=secret",
        "http://127.0.0.1/?api_key=secret",
        "ws://user:secret@127.0.0.1:1/",
        "ws://user:secret@127.0.0.1:port/",
        "ws://user:secret/@[127.0.0.1/",
    ],
)
async def test_a_url_s_secrets_are_in_no_message_of_an_exception(url: str) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await open_websocket(url)
    assert "secret" not in message_of(caught.value)


async def test_a_sub_protocol_that_is_a_key_is_in_no_message() -> None:
    def choose_two(connection: ServerConnection, request: Request, response: Response) -> None:
        del response.headers["Sec-WebSocket-Protocol"]
        response.headers["Sec-WebSocket-Protocol"] = "realtime, key.secret"

    async with serve(idle, "127.0.0.1", 0, subprotocols=[Subprotocol("realtime")], process_response=choose_two) as s:
        with pytest.raises(ConnectFailed, match="does not speak WebSocket") as caught:
            await open_websocket(f"ws://127.0.0.1:{port_of(s)}/", subprotocols=["realtime", "key.secret"])
    with pytest.raises(ConnectFailed, match="characters that HTTP does not allow") as refused:
        await open_websocket("ws://127.0.0.1:1/", subprotocols=["key.sec ret"])
    for fault in (caught.value, refused.value):
        shown = message_of(fault)
        assert "secret" not in shown
        assert "sec ret" not in shown


async def test_a_proxy_is_used_and_its_password_is_in_no_message() -> None:
    seen: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy, asyncio.timeout(5):
        options = SocketOptions(proxy=f"http://user:secret@127.0.0.1:{port_of(proxy)}")
        with pytest.raises(
            ConnectFailed, match=r"the proxy http://127.0.0.1:\d+ asks for a name and a password.*407"
        ) as caught:
            await open_websocket("ws://realtime.example/?key=secret", headers={"api-key": "secret"}, options=options)
    assert seen[0].startswith(b"CONNECT realtime.example:80 ")
    assert b"api-key" not in seen[0]
    shown = message_of(caught.value)
    assert "secret" not in shown + repr(options)


async def test_an_address_that_is_no_proxy_is_not_shown() -> None:
    with pytest.raises(ConnectFailed, match="the proxy is not an address") as caught:
        await open_websocket("ws://realtime.example/", options=SocketOptions(proxy="ftp://user:secret@proxy.example"))
    assert "secret" not in message_of(caught.value)


async def test_the_environment_s_proxy_is_for_other_machines_and_can_be_declined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        unused_port = unused.getsockname()[1]
    monkeypatch.setenv("ws_proxy", f"http://127.0.0.1:{unused_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with serve(idle, "127.0.0.1", 0) as server, asyncio.timeout(5):
        end = await open_websocket(f"ws://127.0.0.1:{port_of(server)}/")
        await end.close()
    with pytest.raises(ConnectFailed, match="cannot reach"):
        await open_websocket("ws://realtime.invalid/")  # refused by the proxy's port, and no name looked up
    with pytest.raises(ConnectFailed, match="cannot reach"):
        await open_websocket("ws://127.0.0.1:1/", options=SocketOptions(proxy=None))
