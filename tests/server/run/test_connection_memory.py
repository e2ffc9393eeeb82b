"""A connection that has ended leaves nothing for the garbage collector, which seldom runs: buffers are large."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import h11
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.server import ServerProtocol

from duologue.server import Limits, ServerSession, loop_factory
from duologue.server.run.uvicorn_http import Requests
from duologue.server.run.uvicorn_websocket import Socket
from tests._memory import all_freed
from tests.server._listening import listening, scripted_app
from tests.server._raw_connections import GET, KEY, RIGHT, RawConnection, handshake, masked, raw_connection
from tests.server.test_app import first

pytestmark = pytest.mark.timeout(60)


def nothing_left() -> AbstractContextManager[Callable[[], Awaitable[None]]]:
    """Watches connections that are made in the block: `all_freed`."""
    return all_freed(Socket, Requests, ServerProtocol, h11.Connection, ServerSession)


@asynccontextmanager
async def watched(**settings: Any) -> AsyncGenerator[RawConnection, None]:
    """A connection to a server, of which nothing is left behind the block."""
    async with listening(scripted_app(api_key=KEY, **settings)) as url:
        with nothing_left() as all_gone:
            async with raw_connection(url) as connection:
                yield connection
            await all_gone()


BIG = b"x" * 100_000

_RAW: dict[str, tuple[bytes, bytes | None]] = {
    "nothing is sent": (b"", None),
    "half a request": (GET[:20], None),
    "half the headers": (GET, None),
    "a whole request": (GET + b"\r\n", b"ok"),
    "two requests in one": ((GET + b"\r\n") * 2, b"ok"),
    "a request and half of another": (GET + b"\r\n" + GET, b"ok"),
    "a request that closes": (GET + b"Connection: close\r\n\r\n", b"ok"),
    "no HTTP": (b"\x16\x03\x01\x00\x00\r\n\r\n", b"HTTP/1.1 400"),
    "too large headers": (GET + b"X: " + BIG, b"HTTP/1.1 431"),
    "both lengths": (GET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 400"),
    "half a body": (
        b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n"
        + f"{RIGHT}\r\n\r\n".encode()
        + BIG,
        None,
    ),
    "an answer before the body": (
        b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n\r\n" + BIG,
        b"HTTP/1.1 401",
    ),
    "half a handshake": (handshake()[:-2], None),
    "a broken handshake": (handshake().replace(b"Version: 13", b"Version: 12"), b"HTTP/1.1 400"),
    "no key": (handshake(), b"invalid_request_error"),
    "a wrong key": (handshake("/v1/realtime?api_key=no"), b"invalid_api_key"),
    "a wrong path": (handshake("/elsewhere"), b"HTTP/1.1 404"),
    "bytes in the handshake's packet": (handshake("/v1/realtime", RIGHT) + masked(1, BIG), None),
    "an admitted client": (handshake("/v1/realtime", RIGHT), b"session.created"),
}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("way", _RAW)
def test_a_connection_that_is_cut_off_by_its_client_is_freed_at_once(way: str, loop: str) -> None:
    sent, awaited = _RAW[way]

    async def attack() -> None:
        async with watched() as connection:
            connection.writer.write(sent)
            await connection.writer.drain()
            if awaited is not None:
                await connection.read_until(awaited)

    run(attack, loop)


def run(work: Callable[[], Awaitable[None]], loop: str) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work()

    if loop == "uvloop" and loop_factory() is None:
        pytest.skip("uvloop is not installed")
    with asyncio.Runner(loop_factory=loop_factory() if loop == "uvloop" else None) as runner:
        runner.run(bounded())


_FRAMES: dict[str, bytes] = {
    "an unfinished frame": masked(1, BIG, length=15_000_000),
    "an unfinished message": masked(1, BIG, fin=False) + masked(0, BIG, fin=False),
    "a frame that is too large": masked(1, b"", length=2**40),
    "a bad frame": b"\xff\xff\xff\xff",
    "no UTF-8": masked(1, b"\xff\xfe"),
    "a close": masked(8, b"\x03\xe8"),
    "a bad close": masked(8, b"\x00\x01"),
    "a close in a message": masked(1, b"x", fin=False) + masked(8, b"\x03\xe8"),
    "a whole message": masked(1, b'{"type":"input_audio_buffer.clear"}'),
}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("admitted", ["admitted", "turned away"])
@pytest.mark.parametrize("way", _FRAMES)
def test_a_websocket_that_ends_with_anything_is_freed_at_once(way: str, admitted: str, loop: str) -> None:
    async def attack() -> None:
        async with watched() as connection:
            headers = (RIGHT,) if admitted == "admitted" else ()
            connection.writer.write(handshake("/v1/realtime", *headers))
            await connection.read_until(b"session.created" if headers else b"error")
            connection.writer.write(_FRAMES[way])
            with contextlib.suppress(ConnectionError):
                await connection.writer.drain()

    run(attack, loop)


def break_off(socket: ClientConnection) -> None:
    """Hang up without a word."""
    socket.transport.abort()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("ended", ["by the client", "by the server", "by hanging up", "by a page's origin"])
def test_a_whole_session_leaves_no_connection(ended: str, loop: str) -> None:
    async def talk() -> None:
        app = scripted_app()
        with nothing_left() as all_gone:
            async with listening(app) as url:
                if ended == "by a page's origin":
                    async with raw_connection(url) as connection:
                        connection.writer.write(handshake("/v1/realtime", "Origin: https://evil.example"))
                        await connection.read_until(b"HTTP/1.1 403")
                else:
                    async with websockets_connect(url) as socket:
                        await first(socket)
                        await socket.send('{"type":"input_audio_buffer.clear"}')
                        await first(socket)
                        if ended == "by the server":
                            await app.drain(within_s=0)
                            await socket.wait_closed()
                        elif ended == "by hanging up":
                            break_off(socket)
            await all_gone()

    run(talk, loop)


@pytest.mark.parametrize("late", ["headers", "body", "message"])
def test_a_connection_that_is_ended_by_a_deadline_is_freed_at_once(late: str) -> None:
    async def attack() -> None:
        limits = Limits(headers_s=0.2, request_s=0.2, message_s=0.2, message_bytes_per_s=1e9)
        async with watched(limits=limits) as connection:
            if late == "headers":
                connection.writer.write(GET)
            elif late == "body":
                connection.writer.write(_RAW["half a body"][0])
            else:
                connection.writer.write(handshake("/v1/realtime", RIGHT))
                await connection.read_until(b"session.created")
                connection.writer.write(_FRAMES["an unfinished frame"])
            await connection.read_to_end()

    run(attack, "asyncio")


def large_texts(marker: str, n_bytes: int) -> int:
    """How many texts of this size and more that begin like this are in memory, in places that can be looked at."""
    found: set[int] = set()
    for holder in gc.get_objects():
        for held in gc.get_referents(holder):
            if type(held) is str:
                head = held[:1000].encode() if len(held) >= n_bytes else b""
            elif type(held) is bytes or type(held) is bytearray:  # not isinstance: some are dead proxies
                head = bytes(held[:1000]) if len(held) >= n_bytes else b""
            else:
                continue
            if marker.encode() in head:
                found.add(id(held))
    return len(found)


async def read_past(reader: asyncio.StreamReader, end: bytes) -> None:
    """Read and drop everything up to these bytes, however much it is."""
    seen = b""
    async with asyncio.timeout(5):
        while end not in seen:
            seen = seen[-len(end) :] + await reader.read(1024)


async def test_an_idle_session_keeps_neither_its_last_frame_nor_its_last_message() -> None:
    text = "zqx" * 100_000
    part = {"type": "input_text", "text": text}
    event = {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [part]}}
    frame = masked(1, json.dumps(event).encode())
    n_bytes = len(text)
    del text, part, event
    app = scripted_app(api_key=KEY)
    async with listening(app) as url, raw_connection(url) as connection:
        connection.writer.write(handshake("/v1/realtime", RIGHT))
        await connection.read_until(b"session.created")
        connection.writer.write(frame)
        del frame
        for _ in ("conversation.item.added", "conversation.item.done"):
            await read_past(connection.reader, b'zqx"')
        for _ in range(100):
            await asyncio.sleep(0.01)
            if large_texts("zqx", n_bytes) == 1:  # the item's own
                return
        raise AssertionError(f"{large_texts('zqx', n_bytes)} texts are kept")
