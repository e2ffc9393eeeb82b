"""What only a real socket shows: messages that are too large, and clients that do not read."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from duologue.events.base import encode_audio
from duologue.server import Limits
from duologue.server.run.connections import Connections
from duologue.server.run.uvicorn_websocket import Socket
from duologue.testing import scripted_engines
from tests.server._engines import EndlessSynthesizer
from tests.server._listening import listening, scripted_app
from tests.server._raw_connections import KEY, RIGHT, RawConnection, handshake, masked, raw_connection
from tests.server._session_ends import SessionEnds
from tests.server.test_app import first

pytestmark = pytest.mark.timeout(30)


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason of the close, after all that was sent before it."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


@asynccontextmanager
async def raw_session(**settings: Any) -> AsyncGenerator[RawConnection, None]:
    """A connection to a server with these settings, after its greeting."""
    async with listening(scripted_app(**settings)) as url, raw_connection(url) as connection:
        connection.writer.write(handshake())
        await connection.read_until(b"session.created")
        await connection.read_until(b"}")
        yield connection


async def test_a_message_that_is_too_large_is_closed_with_1009_and_a_reason_and_other_sessions_go_on() -> None:
    app = scripted_app(limits=Limits(frame_bytes=10_000))
    async with listening(app) as url, websockets_connect(url) as other, websockets_connect(url) as socket:
        await first(other)
        await socket.send(f'{{"type":"x","pad":"{"a" * 9_000}"}}')
        await socket.send(f'{{"type":"x","pad":"{"a" * 10_000}"}}')
        code, reason = await closed(socket)
        assert code == 1009
        assert "10000" in (reason or "")
        await other.send('{"type":"input_audio_buffer.clear"}')
        assert (await first(other))["type"] == "input_audio_buffer.cleared"


async def test_a_message_in_many_fragments_may_not_be_larger_either() -> None:
    app = scripted_app(limits=Limits(frame_bytes=10_000))
    async with listening(app) as url, websockets_connect(url) as socket:
        await socket.send(['{"type":"x","pad":"', *("a" * 1_000 for _ in range(20)), '"}'])
        assert (await closed(socket))[0] == 1009


async def test_a_client_that_reads_nothing_is_slowed_and_then_cut_with_a_close_that_it_can_read() -> None:
    synthesizer, ends = EndlessSynthesizer(), SessionEnds()
    app = scripted_app(replace(scripted_engines(), synthesizer=synthesizer), limits=Limits(stall_s=0.3), ends=ends)
    async with listening(app) as url, websockets_connect(url, max_queue=1) as socket, websockets_connect(url) as other:
        await first(other)
        await socket.send('{"type":"response.create"}')
        assert await asyncio.wait_for(ends.codes.get(), 10) == 1008
        assert 10 < synthesizer.spoken_s < 1000, "engines waited instead of filling memory"
        assert await closed(socket) == (1008, "invalid_request_error.client_too_slow")
        await other.send('{"type":"input_audio_buffer.clear"}')
        assert (await first(other))["type"] == "input_audio_buffer.cleared"


async def test_a_client_that_never_comes_back_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = asyncio.Event()
    made, unmade = Socket.connection_made, Socket.connection_lost

    def connection_made(self: Socket, transport: asyncio.BaseTransport) -> None:
        self.close_timeout = 0.2
        made(self, transport)

    def connection_lost(self: Socket, fault: Exception | None) -> None:
        unmade(self, fault)
        lost.set()

    monkeypatch.setattr(Socket, "connection_made", connection_made)
    monkeypatch.setattr(Socket, "connection_lost", connection_lost)
    engines = replace(scripted_engines(), synthesizer=EndlessSynthesizer())
    app = scripted_app(engines, limits=Limits(stall_s=0.2))
    async with listening(app) as url, websockets_connect(url, max_queue=1) as socket:
        await socket.send('{"type":"response.create"}')
        await asyncio.wait_for(lost.wait(), 10)
        assert app.sessions_open == 0
        socket.transport.abort()


@pytest.mark.parametrize(
    ("sent", "more"),
    [
        (masked(1, b"x" * 1_000, length=5_000), b"x"),
        (masked(1, b"x" * 1_000, fin=False), masked(0, b"x", fin=False)),
        (masked(1, b"x" * 1_000, fin=False), masked(9, b"ping") + masked(0, b"x", fin=False)),
        (masked(1, b"x" * 1_000, fin=False), masked(9, b"ping")),
    ],
    ids=["a frame", "fragments", "pings between fragments", "pings"],
)
async def test_a_message_that_does_not_end_is_closed_with_a_reason(sent: bytes, more: bytes) -> None:
    ends = SessionEnds()
    limits = Limits(message_s=0.2, message_bytes_per_s=1e9)
    async with raw_session(limits=limits, ends=ends) as connection:
        connection.writer.write(sent)
        while not await connection.has_ended(within_s=0.05):
            connection.writer.write(more)
        assert ends.reasons == ["message_late"]
        assert await asyncio.wait_for(ends.codes.get(), 5) == 1008


async def test_a_large_message_may_take_as_long_as_a_slow_line_needs() -> None:
    limits = Limits(message_s=0.1, message_bytes_per_s=1_000)
    async with raw_session(limits=limits) as connection:
        connection.writer.write(masked(1, b"x" * 10_000, length=20_000))
        assert not await connection.has_ended(within_s=0.5)


async def test_messages_that_never_pause_are_not_one_that_never_ends() -> None:
    """Each write ends a message and begins the next, always with the same number of bytes."""
    limits = Limits(message_s=0.2, message_bytes_per_s=1e9)
    async with raw_session(limits=limits) as connection:
        message = masked(1, b'{"type":"input_audio_buffer.clear"}')
        connection.writer.write(message[:10])
        for _ in range(20):
            await asyncio.sleep(0.03)
            connection.writer.write(message[10:] + message[:10])
        connection.writer.write(message[10:])
        for _ in range(21):
            await connection.read_until(b"input_audio_buffer.cleared")


async def test_a_client_that_is_not_admitted_has_no_large_frame_read() -> None:
    app = scripted_app(api_key="k")
    async with listening(app) as url, raw_connection(url) as connection:
        connection.writer.write(handshake())
        await connection.read_until(b"invalid_request_error")
        connection.writer.write(masked(1, b"x" * 5_000))
        assert await connection.has_ended(within_s=5)


async def test_a_large_frame_right_behind_the_handshake_is_read_once_its_client_is_admitted() -> None:
    async with listening(scripted_app()) as url, raw_connection(url) as connection:
        connection.writer.write(handshake())
        await connection.read_until(b"101 ")
        connection.writer.write(masked(1, b'{"type":"input_audio_buffer.clear"}' + b" " * 50_000))
        await connection.read_until(b"input_audio_buffer.cleared")


async def test_a_ping_waits_for_the_end_of_a_frame_that_is_still_coming() -> None:
    limits = Limits(ping_s=0.2)
    async with raw_session(limits=limits) as connection:
        message = masked(1, b'{"type":"input_audio_buffer.clear"}' + b" " * 100)
        for byte in message:
            connection.writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        await connection.read_until(b"input_audio_buffer.cleared")


async def test_no_compression_is_agreed_on() -> None:
    async with listening(scripted_app()) as url, raw_connection(url) as connection:
        connection.writer.write(handshake("/v1/realtime", "Sec-WebSocket-Extensions: permessage-deflate"))
        answer = await connection.read_until(b"\r\n\r\n")
        assert b"101 " in answer
        assert b"sec-websocket-extensions" not in answer.lower()


async def test_small_messages_that_come_in_one_read_are_all_answered_in_order() -> None:
    app = scripted_app()
    async with listening(app) as url, websockets_connect(url, max_queue=None) as socket:
        await first(socket)
        sent = [f'{{"type":"no","event_id":"{n}"}}' for n in range(300)]
        socket.transport.write(b"".join(Frame(Opcode.TEXT, each.encode()).serialize(mask=True) for each in sent))
        async with asyncio.timeout(5):
            answered = [json.loads(await socket.recv())["error"]["event_id"] for _ in sent]
        assert answered == [str(n) for n in range(300)]


async def test_a_binary_message_is_answered_with_an_error() -> None:
    async with listening(scripted_app()) as url, websockets_connect(url) as socket:
        await first(socket)
        await socket.send(b"\0")
        assert (await first(socket))["error"]["code"] == "invalid_event"


async def test_one_read_of_many_frames_does_not_hold_the_event_loop() -> None:
    turns: list[int] = []
    app = scripted_app()
    async with listening(app) as url, websockets_connect(url) as socket:
        await first(socket)
        (protocol,) = _sockets()
        protocol.data_received(masked(1, b"x", fin=False) + masked(0, b"", fin=False) * 5_000)
        while protocol._rest and len(turns) < 1_000:
            turns.append(len(protocol.frames))
            await asyncio.sleep(0)
        assert len(protocol.frames) == 5_001
        assert len(turns) > 2
        assert max(after - before for before, after in pairwise([0, *turns, 5_001])) < 5_000
        assert protocol.unread >= 5_000 * 8  # empty ones count


async def test_a_message_of_too_many_fragments_is_closed_with_a_reason() -> None:
    app = scripted_app()
    async with listening(app) as url, websockets_connect(url) as socket:
        await first(socket)
        socket.transport.write(masked(1, b"x", fin=False) + masked(0, b"", fin=False) * 10_001)
        assert await closed(socket) == (1009, "invalid_request_error")


async def test_large_messages_of_all_sessions_come_one_in_a_turn_and_answers_go_first() -> None:
    edge, done = Connections(Limits(), turned_away=lambda _: None), list[str]()

    async def one(name: str, *, sending: bool) -> None:
        await edge.wait_for_turn(40_000, sending=sending)
        done.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name in ("a", "b"):
            tasks.create_task(one(name, sending=False))
        tasks.create_task(one("answer", sending=True))
        await asyncio.sleep(0)
        seen = [len(done)]
        for _ in range(8):
            await asyncio.sleep(0)
            seen.append(len(done))
    assert done == ["answer", "a", "b"]
    assert max(after - before for before, after in pairwise(seen)) == 1


def _sockets() -> list[Socket]:
    return [each for each in gc.get_objects() if type(each) is Socket and not each.disconnected]


async def test_a_session_that_ends_with_unread_messages_is_closed_without_delay() -> None:
    append = json.dumps({"type": "session.input_audio.append", "audio": encode_audio(bytes(9600))})
    async with listening(scripted_app()) as url:
        live = url.replace("/realtime", "/live/sessions")
        async with websockets_connect(live) as socket:
            await socket.send('{"type": "session.start", "session": {"model": "gpt-live-1"}}')
            session_id = (await first(socket))["session"]["id"]
            async with websockets_connect(f"{live}/{session_id}/attach") as sideband:
                await first(sideband)
                for _ in range(40):  # more than the server reads ahead
                    await socket.send(append)
                await sideband.send('{"type": "session.close"}')
                assert await closed(socket) == (1000, "the session is closed")
            async with asyncio.timeout(5):
                await socket.wait_closed()


@pytest.mark.parametrize("opcode", [1, 2, 8, 9, 10], ids=["text", "binary", "close", "ping", "pong"])
async def test_frames_behind_an_invalid_text_in_the_same_read_break_nothing(
    opcode: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(scripted_app(api_key=KEY)) as url, raw_connection(url) as connection:
        connection.writer.write(handshake("/v1/realtime", RIGHT))
        await connection.read_until(b"session.created")
        connection.writer.write(masked(1, b"\xff") + 2 * masked(opcode, b"\xff" if opcode == 1 else b""))
        await connection.read_to_end()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
