"""One port for WebSockets and for requests with a body."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from duologue.testing.cassettes.http_front import SILENT, FrontConnection, asks_for_socket, http_response

Seen = list[tuple[str, str, bytes, bool]]


@asynccontextmanager
async def front(seen: Seen) -> AsyncGenerator[int, None]:
    """A server that answers requests with their own bodies, and echoes messages."""

    async def request(connection: ServerConnection, request: Request) -> Response | None:
        one = cast("FrontConnection", connection)
        is_socket = asks_for_socket(one, request)
        seen.append((one.method, request.path, one.body, is_socket))
        return None if is_socket else http_response(418, one.body, content_type="text/plain")

    async def echo(connection: ServerConnection) -> None:
        await connection.send(await connection.recv())

    async with serve(
        echo, "127.0.0.1", 0, process_request=request, create_connection=FrontConnection, logger=SILENT
    ) as server:
        yield server.sockets[0].getsockname()[1]


async def answered(port: int, *pieces: bytes) -> bytes:
    """What comes back for these bytes, up to the end of the connection."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            for _ in range(5):  # pieces that arrive apart
                await asyncio.sleep(0)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


POST = b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"


@pytest.mark.parametrize("cut", [0, 1, 4, 20, len(POST) - 2])
async def test_a_request_with_a_body_is_answered_however_it_arrives(cut: int) -> None:
    seen: Seen = []
    async with front(seen) as port:
        answer = await answered(port, *filter(None, (POST[:cut], POST[cut:])))
    assert answer.startswith(b"HTTP/1.1 418 I'm a Teapot\r\n")
    assert answer.endswith(b"\r\n\r\nhello")
    assert seen == [("POST", "/a?b=c", b"hello", False)]


async def test_a_get_that_asks_for_no_socket_is_a_request() -> None:
    seen: Seen = []
    async with front(seen) as port:
        await answered(port, b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
    assert seen == [("GET", "/v1/models", b"", False)]


async def test_a_socket_is_a_socket() -> None:
    seen: Seen = []
    async with front(seen) as port, connect(f"ws://127.0.0.1:{port}/x") as client:
        await client.send("hi")
        assert await client.recv() == "hi"
    assert seen == [("GET", "/x", b"", True)]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n" + bytes(5_000_000), b"413"),
    ],
)
async def test_what_cannot_be_taken_is_refused(request_: bytes, status: bytes) -> None:
    seen: Seen = []
    async with front(seen) as port:
        try:
            answer = await answered(port, request_)
        except ConnectionError:  # it was refused before all of it was sent
            answer = b"HTTP/1.1 413"
    assert answer.split()[1] == status
    assert seen == []


async def test_a_request_that_is_cut_off_is_none() -> None:
    seen: Seen = []
    async with front(seen) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST[:-2])
        writer.close()
        await writer.wait_closed()
    assert seen == []


async def test_nothing_of_a_handshake_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with front([]) as port:
        async with connect(
            f"ws://127.0.0.1:{port}", additional_headers={"Authorization": "x"}, logger=SILENT
        ) as client:
            await client.send("hi")
        await answered(port, b"nonsense\r\n\r\n")
    assert [record.name for record in caplog.records if record.name.startswith(("websockets", "duologue"))] == []
