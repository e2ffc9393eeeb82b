"""What only a real socket shows: messages that are too large, and clients that do not read."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed

from duologue.server import Limits, RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from tests.server._ends import Ends
from tests.server._engines import EndlessSynthesizer
from tests.server._listening import listening
from tests.server.test_app import first

pytestmark = pytest.mark.timeout(30)


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Code and reason of the close, after all that was sent before it."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


async def test_a_message_that_is_too_large_is_closed_with_1009_and_a_reason_and_nobody_else_notices() -> None:
    app = RealtimeApp(engines=scripted_app_engines(), limits=Limits(frame_bytes=10_000))
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
    app = RealtimeApp(engines=scripted_app_engines(), limits=Limits(frame_bytes=10_000))
    async with listening(app) as url, websockets_connect(url) as socket:
        await socket.send(['{"type":"x","pad":"', *("a" * 1_000 for _ in range(20)), '"}'])
        assert (await closed(socket))[0] == 1009


async def test_a_client_that_reads_nothing_is_slowed_and_then_cut_with_a_close_that_it_can_read() -> None:
    synthesizer, ends = EndlessSynthesizer(), Ends()
    app = RealtimeApp(
        engines=scripted_app_engines(replace(scripted_engines(), synthesizer=synthesizer)),
        limits=Limits(stall_s=0.3),
        observers=[ends],
    )
    async with listening(app) as url, websockets_connect(url, max_queue=1) as socket, websockets_connect(url) as other:
        await first(other)
        await socket.send('{"type":"response.create"}')
        assert await asyncio.wait_for(ends.codes.get(), 10) == 1008
        assert 10 < synthesizer.spoken_s < 1000, "engines waited instead of filling memory"
        assert await closed(socket) == (1008, "invalid_request_error.client_too_slow")
        await other.send('{"type":"input_audio_buffer.clear"}')
        assert (await first(other))["type"] == "input_audio_buffer.cleared"


async def test_a_client_that_never_comes_back_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from duologue.server.sockets import Socket

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
    app = RealtimeApp(engines=scripted_app_engines(engines), limits=Limits(stall_s=0.2))
    async with listening(app) as url, websockets_connect(url, max_queue=1) as socket:
        await socket.send('{"type":"response.create"}')
        await asyncio.wait_for(lost.wait(), 10)
        assert app.sessions_open == 0
        socket.transport.abort()
