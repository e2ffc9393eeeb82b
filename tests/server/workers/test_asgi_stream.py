from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.server.workers.asgi_stream import AsgiStream


@asynccontextmanager
async def joined() -> AsyncGenerator[tuple[AsgiStream, AsgiStream], None]:
    one, other = socket.socketpair()
    streams = await AsgiStream.of(one), await AsgiStream.of(other)
    yield streams
    for each in streams:
        each.close()


async def test_a_scope_passes_without_what_belongs_to_its_process() -> None:
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/v1/realtime",
        "query_string": b"call_id=rtc_w2_1",
        "headers": [(b"authorization", b"Bearer k"), (b"x", b"\xff")],
        "client": ("::1", 4000),
        "server": None,
        "extensions": {"duologue.admission": {}},
    }
    async with joined() as (one, other):
        await one.send_scope({**scope, "state": object(), "duologue.identity": object()})
        assert await other.receive_scope() == scope


async def test_messages_come_whole_in_order_and_a_cancelled_wait_loses_none() -> None:
    async with joined() as (one, other):
        for _ in range(5):
            waiting = asyncio.ensure_future(other.receive())
            await asyncio.sleep(0)
            waiting.cancel()
        messages: list[dict[str, Any]] = [
            {"type": "websocket.send", "text": "a" * 300_000},
            {"type": "websocket.send", "bytes": b"\0"},
        ]
        for message in messages:
            sending = asyncio.ensure_future(one.send(message))
            assert await asyncio.wait_for(other.receive(), 5) == message
            await sending


async def flood(stream: AsgiStream) -> None:
    while True:
        await stream.send({"type": "websocket.send", "bytes": bytes(100_000)})


async def test_a_sender_waits_for_a_process_that_takes_nothing() -> None:
    async with joined() as (one, other):
        flooding = asyncio.ensure_future(flood(one))
        done, _ = await asyncio.wait({flooding}, timeout=0.1)
        assert not done
        assert await other.receive() is not None
        flooding.cancel()
        await asyncio.wait({flooding})


async def test_the_other_end_s_close_is_the_end_and_an_error_to_a_sender() -> None:
    async with joined() as (one, other):
        await other.send({"type": "last"})
        other.close()
        assert await one.receive() == {"type": "last"}
        assert await one.receive() is None
        with pytest.raises(OSError, match=r".*"):
            await flood(one)


async def test_a_frame_that_is_too_long_is_the_end() -> None:
    ours, theirs = socket.socketpair()
    stream = await AsgiStream.of(theirs)
    with ours:
        ours.send(b"\xff\xff\xff\xff")
        assert await stream.receive() is None
    stream.close()
