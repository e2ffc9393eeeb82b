"""The generator's WebSocket, against the `websockets` library and against servers that break the protocol."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import Side
from websockets.server import ServerProtocol

from duologue.load.wire import ABNORMAL, LoadSocket, SocketPlace, client_frame
from duologue.testing.virtual_time import run_in_virtual_time

_HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %s\r\n\r\n"


class Owner:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.ends: list[tuple[int, str | None]] = []
        self.is_open = asyncio.Event()
        self.over = asyncio.Event()

    def opened(self, now: float) -> None:
        self.is_open.set()

    def received(self, message: bytes, now: float) -> None:
        self.messages.append(message)

    def ended(self, code: int, now: float, *, refused: str | None) -> None:
        self.ends.append((code, refused))
        self.over.set()


def place(port: int) -> SocketPlace:
    return SocketPlace(
        host="127.0.0.1",
        server_name="localhost",
        port=port,
        path="/v1/realtime?model=m",
        authority=f"127.0.0.1:{port}",
        secure=False,
        headers={"Authorization": "Bearer key"},
        subprotocols=("realtime",),
    )


async def connected(port: int) -> tuple[LoadSocket, Owner]:
    owner = Owner()
    socket = LoadSocket(place(port), owner)
    await asyncio.get_running_loop().create_connection(lambda: socket, "127.0.0.1", port)
    return socket, owner


def against(handle: Callable[[ServerConnection], Awaitable[None]], *sent: bytes) -> Owner:
    """What a client gets from a server of the library, to which it sends these messages."""

    async def main() -> Owner:
        async with serve(handle, "127.0.0.1", 0, subprotocols=["realtime"], compression=None) as server:  # type: ignore[list-item]
            socket, owner = await connected(server.sockets[0].getsockname()[1])
            await asyncio.wait_for(owner.is_open.wait(), 5)
            for message in sent:
                socket.write(client_frame(message))
            await asyncio.wait_for(owner.over.wait(), 5)
            return owner

    return run_in_virtual_time(main())


class RawServer(asyncio.Protocol):
    """Answers a handshake with these bytes, piece by piece, and closes."""

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        loop = asyncio.get_running_loop()
        for number, each in enumerate(self._answers):
            loop.call_later(number / 100, transport.write, each)
        loop.call_later(len(self._answers) / 100, transport.close)


def raw(*answers: bytes) -> Owner:
    """What a client makes of these bytes."""

    async def main() -> Owner:
        server = await asyncio.get_running_loop().create_server(lambda: RawServer(answers), "127.0.0.1", 0)
        async with server:
            _, owner = await connected(server.sockets[0].getsockname()[1])
            await asyncio.wait_for(owner.over.wait(), 5)
            return owner

    return run_in_virtual_time(main())


def opening() -> bytes:
    """A server's answer to the handshake that every `LoadSocket` makes."""
    protocol = ServerProtocol()
    from duologue.load import wire

    headers = Headers({"Host": "h", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"})
    headers["Sec-WebSocket-Key"] = wire._KEY.decode()
    return protocol.accept(Request("/", headers)).serialize()


def test_messages_go_both_ways_in_one_frame_or_several() -> None:
    seen: list[object] = []

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.extend((connection.request.path, connection.request.headers["Authorization"], connection.subprotocol))
        seen.append(await connection.recv())
        await connection.send("one")
        await connection.send(iter(["t", "w", "o"]))
        await connection.ping(b"there?")
        await connection.send(b"x" * 70_000)
        await connection.close(1008, "enough")

    owner = against(handle, b"hello")
    assert seen == ["/v1/realtime?model=m", "Bearer key", "realtime", "hello"]
    assert owner.messages == [b"one", b"two", b"x" * 70_000]
    assert owner.ends == [(1008, None)]


def test_pings_are_answered() -> None:
    async def handle(connection: ServerConnection) -> None:
        await (await connection.ping())
        await connection.close()

    assert against(handle).ends == [(1000, None)]


@given(st.sampled_from([0, 1, 125, 126, 65_535, 65_536]))
def test_a_frame_is_one_that_a_server_reads(length: int) -> None:
    server = ServerProtocol()
    server.receive_data(
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]
    assert server.side is Side.SERVER
    server.receive_data(client_frame(b"a" * length))
    (frame,) = server.events_received()
    assert (frame.opcode, frame.data) == (Opcode.TEXT, b"a" * length)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "HTTP 429"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "it speaks no HTTP"),
        (_HANDSHAKE % b"wrong", "it does not accept the WebSocket"),
        (b"x" * 70_000, "its answer to the handshake does not end"),
    ],
)
def test_what_is_no_websocket_is_a_refusal(answer: bytes, refused: str) -> None:
    assert raw(answer).ends == [(ABNORMAL, refused)]


@pytest.mark.parametrize(
    ("frames", "messages", "code"),
    [
        (b"\x81\x02hi", [b"hi"], ABNORMAL),
        (b"\x88\x02\x03\xf7", [], 1015),
        (b"\x88\x00", [], 1005),
        (b"\xc1\x02hi", [], 1002),  # compressed, which was not agreed
        (b"\x81\x82\0\0\0\0hi", [], 1002),  # masked, which a server never does
        (b"\x81\x7f" + struct.pack("!Q", 1 << 40), [], 1009),
        (b"\x81\x02hi\x88\x02\x03\xe8\x81\x02no", [b"hi"], 1000),
    ],
)
def test_a_broken_server_ends_the_call_with_a_code(frames: bytes, messages: list[bytes], code: int) -> None:
    owner = raw(opening(), frames)
    assert owner.messages == messages
    assert owner.ends == [(code, None)]


def test_pieces_of_a_stream_are_put_together() -> None:
    stream = opening() + b"\x01\x02he\x89\x01?\x80\x03llo\x82\x01!\x88\x02\x03\xe9"
    for step in (1, 2, 7):
        owner = raw(*(stream[at : at + step] for at in range(0, len(stream), step)))
        assert owner.messages == [b"hello", b"!"]
        assert owner.ends == [(1001, None)]
