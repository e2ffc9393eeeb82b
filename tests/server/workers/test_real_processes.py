"""Workers that are attacked, stopped, replaced and shared by several servers; each of these takes a while."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from duologue import connect, converse
from duologue.client import Connection, client_secret, hang_up
from duologue.errors import ConnectFailed, ConnectionClosed, RequestRejected
from duologue.events import ResponseDoneEvent
from tests.server._redis_server import PROGRAM, RedisServer
from tests.server.workers._serving import KEY, Served, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which process is a worker"),
    pytest.mark.timeout(300),
]


async def served(server: Served) -> None:
    """A session opens."""
    async with asyncio.timeout(30), connect(server.url, api_key=KEY) as connection:
        assert (await connection.receive()).type == "session.created"


async def test_a_call_is_joined_and_hung_up_whichever_worker_the_request_comes_to() -> None:
    pytest.importorskip("wrtc")
    async with serving(webrtc=True) as server:
        for _ in range(4):
            async with converse(server.url, model="m", api_key=KEY, transport="webrtc") as call:
                call_id = call.call_id
                assert call_id is not None
                for _ in range(4):
                    async with converse(server.url, api_key=KEY, call_id=call_id) as sideband:
                        assert await sideband.ask("Hello?")
                await hang_up(server.url, call_id=call_id, api_key=KEY)
                with pytest.raises(RequestRejected):
                    await hang_up(server.url, call_id=call_id, api_key=KEY)
                with pytest.raises(ConnectFailed) as missing:
                    async with connect(server.url, api_key=KEY, call_id=call_id):
                        pass
                assert missing.value.status == 404


async def test_a_call_of_a_replaced_worker_is_joined_as_long_as_it_lasts() -> None:
    pytest.importorskip("wrtc")
    async with (
        serving("--drain", "end", "--limit", "drain_s=120", webrtc=True) as server,
        converse(server.url, model="m", api_key=KEY, transport="webrtc") as call,
    ):
        before = server.workers()
        server.signal(signal.SIGHUP)
        async with asyncio.timeout(60):
            while len(set(server.workers()) - set(before)) < 2 or len(server.workers()) > 3:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        for _ in range(3):
            async with converse(server.url, api_key=KEY, call_id=call.call_id) as sideband:
                assert await sideband.ask("Still here?")


async def test_a_worker_that_is_stopped_gets_nothing_new_and_is_replaced() -> None:
    async with serving() as server:
        stopped = server.workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        await asyncio.sleep(9)  # the time for which a worker may be silent is the subject
        for _ in range(20):
            await served(server)
        await server.gone([stopped], within_s=60)
        async with asyncio.timeout(60):
            while (await server.figures()).get("duologue_workers") != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert (await server.figures())["duologue_worker_restarts_total"] == 1


async def test_a_storm_of_reloads_and_an_end_within_it_leave_no_process() -> None:
    async with serving("--drain", "turn") as server:
        workers = set(server.workers())
        for _ in range(40):
            server.signal(signal.SIGHUP)
            await asyncio.sleep(0.05)
            workers |= set(server.workers())
            assert len(server.workers()) <= 4 * 2 + 1
        await served(server)
        workers |= set(server.workers())
        server.signal(signal.SIGHUP)
        await asyncio.sleep(0.3)  # a new worker is on its way
        workers |= set(server.workers())
        server.signal(signal.SIGTERM)
        assert await server.ended(within_s=40) == 0
        await server.gone(workers)


async def test_connections_that_send_nothing_keep_no_caller_out() -> None:
    async with serving("--limit", "max_connections=60", "--limit", "sessions=20") as server, AsyncExitStack() as stack:
        place = ("127.0.0.1", int(server.http.rpartition(":")[2]))
        for _ in range(1000):
            stack.enter_context(socket.create_connection(place, timeout=10))
        await served(server)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{server.http}/healthz")).status_code == 200
        descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        assert descriptors < 40, "the parent keeps no connection"


async def test_a_parent_with_few_descriptors_serves_and_starts_workers_again() -> None:
    async with serving() as server:
        n_open = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (n_open, before[1]))
        os.kill(server.workers()[0], signal.SIGKILL)
        await asyncio.sleep(3)  # it tries in vain
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
        async with asyncio.timeout(90):
            while len(server.workers()) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await served(server)


async def secrets_served(one: Served, other: Served, count: int) -> int:
    """How many secrets of one server open a session of the other one."""
    opened = 0
    for _ in range(count):
        made = await client_secret(one.url, api_key=KEY)
        try:
            async with connect(other.url, api_key=made.value) as connection:
                opened += (await connection.receive()).type == "session.created"
        except ConnectionClosed:
            continue
    return opened


async def test_200_of_200_secrets_are_served_by_workers_and_by_servers_that_share(tmp_path: Path) -> None:
    async with serving() as server:
        assert await secrets_served(server, server, 200) == 200
    if PROGRAM is None:
        pytest.skip("no redis-server")
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        secret = {"DUOLOGUE_SECRET": "s" * 32, "DUOLOGUE_SHARED": redis.url}
        async with serving(workers=1, environment=secret) as one, serving(workers=1, environment=secret) as other:
            assert await secrets_served(one, other, 200) == 200
            assert await secrets_served(other, one, 20) == 20
    finally:
        redis.stop()


class SlowModel:
    """A chat endpoint that says a word, and the rest when it is let."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for word in ("One", " two."):
            writer.write(b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % word.encode())
            await writer.drain()
            await self.may_end.wait()
        writer.write(b"data: [DONE]\n\n")
        writer.close()


async def closed_with(connection: Connection) -> tuple[list[str], int]:
    """What still comes, and the code at the end."""
    came: list[str] = []
    while True:
        try:
            event = await connection.receive()
        except ConnectionClosed as closed:
            return came, closed.code
        came.append(f"{event.type} {event.response.status}" if isinstance(event, ResponseDoneEvent) else event.type)


async def test_an_end_waits_for_answers_under_way_and_turns_new_callers_away() -> None:
    model = SlowModel()
    endpoint = await asyncio.start_server(model.answer, "127.0.0.1", 0)
    llm = f"http://127.0.0.1:{endpoint.sockets[0].getsockname()[1]}/v1"
    async with (
        endpoint,
        serving("--drain", "turn", "--limit", "drain_s=60", responder=("--llm", llm, "--llm-model", "m")) as server,
        AsyncExitStack() as stack,
    ):
        opening = (stack.enter_async_context(connect(server.url, api_key=KEY)) for _ in range(20))
        calls = await asyncio.gather(*opening)
        speaking, silent = calls[:10], calls[10:]
        for call in speaking:
            await call.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
            async with asyncio.timeout(20):
                while (await call.receive()).type != "response.output_text.delta":
                    pass
        server.signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            for call in silent:
                assert (await closed_with(call))[1] == 1001
        async with connect(server.url, api_key=KEY) as late:
            came, code = await closed_with(late)
            assert (came[0], code) == ("error", 1013)
        model.may_end.set()
        async with asyncio.timeout(20):
            for call in speaking:
                came, code = await closed_with(call)
                assert ("response.done completed" in came, code) == (True, 1001)
        assert await server.ended() == 0
