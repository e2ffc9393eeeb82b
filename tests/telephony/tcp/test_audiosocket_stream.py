"""A TCP connection as a transport of AudioSocket's messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.telephony import AudioSocketStream

_HANG_UP, _FRAME = b"\x00\x00\x00", b"\x10\x00\x02ab"


@asynccontextmanager
async def _connected() -> AsyncGenerator[tuple[AudioSocketStream, asyncio.StreamReader, asyncio.StreamWriter], None]:
    """Our stream, and the peer's end."""
    ours: asyncio.Future[AudioSocketStream] = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours.set_result(AudioSocketStream(reader, writer))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    stream = await asyncio.wait_for(ours, 5)
    try:
        yield stream, reader, writer
    finally:
        writer.transport.abort()
        await stream.close()
        server.close()


async def test_messages_arrive_whole_and_in_order_however_they_are_cut() -> None:
    async with _connected() as (stream, _, writer):
        for piece in (_FRAME[:2], _FRAME[2:] + _HANG_UP + _FRAME[:4], _FRAME[4:]):
            writer.write(piece)
            await writer.drain()
        assert [await asyncio.wait_for(stream.receive(), 5) for _ in range(3)] == [_FRAME, _HANG_UP, _FRAME]


async def test_what_came_before_the_end_is_still_returned() -> None:
    async with _connected() as (stream, _, writer):
        writer.write(_FRAME + _FRAME[:3])
        writer.write_eof()
        assert await asyncio.wait_for(stream.receive(), 5) == _FRAME
        with pytest.raises(ConnectionClosedOK, match="has closed"):
            await asyncio.wait_for(stream.receive(), 5)


async def test_what_is_sent_arrives_and_a_close_ends_the_connection() -> None:
    async with _connected() as (stream, reader, _):
        await stream.send(_FRAME)
        await stream.send(_HANG_UP)
        await stream.close()
        assert await asyncio.wait_for(reader.read(), 5) == _FRAME + _HANG_UP
        with pytest.raises(ConnectionClosedOK):
            await stream.send(_FRAME)
        with pytest.raises(ConnectionClosedOK):
            await stream.receive()


async def test_a_reset_is_a_closed_connection() -> None:
    async with _connected() as (stream, _, writer):
        writer.transport.abort()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(stream.receive(), 5)


async def test_a_peer_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.telephony.tcp.audiosocket_stream._SEND_S", 0.05)
    async with _connected() as (stream, _, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]

        async def send_on() -> None:
            while True:
                await stream.send(b"\x10\xff\xff" + bytes(0xFFFF))

        with pytest.raises(ConnectionClosedError, match="has read nothing"):
            await asyncio.wait_for(send_on(), 5)


async def test_a_flood_of_empty_messages_lets_others_run() -> None:
    async with _connected() as (stream, _, writer):
        writer.write(_HANG_UP * 1_000)
        await writer.drain()
        others = 0

        async def other() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        running = asyncio.ensure_future(other())
        for _ in range(1_000):
            assert await asyncio.wait_for(stream.receive(), 5) == _HANG_UP
        running.cancel()
        assert others > 50


async def test_text_is_refused() -> None:
    async with _connected() as (stream, _, _):
        with pytest.raises(TypeError, match="no text"):
            await stream.send("text")
