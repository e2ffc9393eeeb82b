"""How the server stops: what is being answered is answered, and every client is notified."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.asyncio.client import connect as websockets_connect

from duologue import connect
from duologue.engines.base import ResponderRequest
from duologue.server import Limits, RealtimeApp, serve
from duologue.server.run import runner
from duologue.server.run.listening_socket import bind
from duologue.testing import scripted_engines
from tests.server._engines import EndlessResponder
from tests.server._listening import listening, scripted_app
from tests.server._raw_connections import GET, raw_connection
from tests.server._relays import upstream_at
from tests.server._session_ends import SessionEnds
from tests.server._talking import event, status, until
from tests.server.test_app import first, get

TEXT = event("response.create", response={"output_modalities": ["text"]})


class GatedResponder:
    """Says a word, and the rest when the gate is opened."""

    name = "gated"

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        yield "Wait "
        await self.gate.wait()
        yield "for it."


@asynccontextmanager
async def serving(
    app: RealtimeApp, *, bound: socket.socket | None = None
) -> AsyncGenerator[tuple[str, asyncio.Future[None]], None]:
    """A server that the test stops by itself."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(serve(app, port=0, bound=bound, on_listening=url.set_result))
    try:
        async with asyncio.timeout(15):
            yield await url, task
    finally:
        task.cancel()
        task.cancel()
        await asyncio.wait({task}, timeout=10)


async def test_idle_sessions_end_at_once_and_busy_ones_when_they_are_done_and_all_with_1001() -> None:
    responder = GatedResponder()
    app = scripted_app(replace(scripted_engines(), responder=responder))
    async with serving(app) as (url, task), websockets_connect(url) as idle, connect(url) as busy:
        await first(idle)
        await busy.send(TEXT)
        await until(busy, "response.output_text.delta")
        task.cancel()
        await idle.wait_closed()
        assert (idle.close_code, idle.close_reason) == (1001, "the server is going away")

        assert await get(url, "/readyz") == (503, b'{"status":"draining"}')
        assert (await get(url, "/healthz"))[0] == 200
        async with websockets_connect(url) as late:
            assert (await first(late))["error"]["code"] == "server_shutting_down"
            await late.wait_closed()
            assert late.close_code == 1013

        responder.gate.set()
        assert status(await until(busy, "response.done"))["status"] == "completed"
        async for _ in busy:  # ends without a fault
            pass
        await asyncio.wait({task})
        assert task.cancelled()


async def test_a_successor_on_the_same_socket_takes_what_comes_while_calls_end_by_themselves() -> None:
    bound = bind("127.0.0.1", 0)
    old, new = scripted_app(drain="end"), scripted_app()
    async with serving(old, bound=bound.dup()) as (url, task), websockets_connect(url) as call:
        await first(call)
        async with serving(new, bound=bound.dup()):
            old.request_drain()
            await eventually(lambda: old.draining)
            async with websockets_connect(url) as late:
                assert (await first(late))["type"] == "session.created"
            assert (old.sessions_open, call.close_code) == (1, None)
            await call.close()
            await asyncio.wait({task}, timeout=10)
            assert task.exception() is None
    bound.close()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the application sets no event
            await asyncio.sleep(0.01)


async def test_a_drain_at_once_cuts_what_is_under_way() -> None:
    responder = GatedResponder()
    app = scripted_app(replace(scripted_engines(), responder=responder))
    async with serving(app) as (url, task), connect(url) as busy:
        await busy.send(TEXT)
        await until(busy, "response.output_text.delta")
        app.request_drain("now")
        async for _ in busy:
            pass
        await asyncio.wait({task}, timeout=10)
        assert task.exception() is None


async def test_what_takes_too_long_is_cut() -> None:
    responder = EndlessResponder()
    app = scripted_app(replace(scripted_engines(), responder=responder), limits=Limits(drain_s=0.2))
    async with serving(app) as (url, task), websockets_connect(url) as socket:
        await socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
        task.cancel()
        async for _ in socket:
            pass
        assert socket.close_code == 1001
        await asyncio.wait({task})
        assert responder.running == 0


async def test_a_second_cancellation_ends_it_at_once() -> None:
    responder = GatedResponder()
    app = scripted_app(replace(scripted_engines(), responder=responder))
    async with serving(app) as (url, task), websockets_connect(url) as socket, websockets_connect(url) as idle:
        await socket.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
        while "delta" not in str(await socket.recv()):
            pass
        task.cancel()
        await idle.wait_closed()
        task.cancel()
        async for _ in socket:
            pass
        assert socket.close_code == 1001
        await asyncio.wait({task})
        assert task.cancelled()


async def test_an_application_can_be_run_again_after_it_was_drained() -> None:
    app = scripted_app()
    for _ in range(2):
        async with serving(app) as (url, task), websockets_connect(url) as socket:
            assert (await first(socket))["type"] == "session.created"
            task.cancel()
            await socket.wait_closed()
            await asyncio.wait({task})


@pytest.mark.parametrize("sessions", [0, 3])
async def test_draining_returns_when_the_last_session_has_ended(sessions: int) -> None:
    app = scripted_app()
    async with serving(app) as (url, _), asyncio.timeout(5):
        sockets = [await websockets_connect(url) for _ in range(sessions)]
        for socket in sockets:
            await first(socket)
        assert app.sessions_open == sessions
        await app.drain()
        assert app.sessions_open == 0
        for socket in sockets:
            await socket.wait_closed()
            assert socket.close_code == 1001


async def test_a_relay_that_drains_closes_both_sides() -> None:
    behind, ends = scripted_app(), SessionEnds()
    async with serving(behind) as (upstream_url, _):
        front = RealtimeApp(upstream=upstream_at(upstream_url), observers=[ends])
        async with serving(front) as (url, task), websockets_connect(url) as socket:
            assert (await first(socket))["type"] == "session.created"
            assert (await get(url, "/readyz"))[0] == 200
            assert (front.sessions_open, behind.sessions_open) == (1, 1)
            task.cancel()
            await socket.wait_closed()
            assert socket.close_code == 1001
            assert await asyncio.wait_for(ends.codes.get(), 5) == 1001
            await asyncio.wait({task})
            assert task.cancelled()
        await behind.drain()


class LibC:
    """The C library, as far as it is called."""

    def __init__(self) -> None:
        self.trimmed = asyncio.Event()
        self.options: dict[int, int] = {}
        self._loop = asyncio.get_running_loop()

    def mallopt(self, option: int, value: int) -> None:
        self.options[option] = value

    def malloc_trim(self, pad: int) -> None:
        self._loop.call_soon_threadsafe(self.trimmed.set)


async def test_free_memory_is_given_back_when_connections_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = LibC()
    monkeypatch.setattr(runner, "_TRIM_S", 0.001)
    monkeypatch.setattr(runner, "glibc", lambda: libc)
    async with listening(scripted_app()) as url:
        assert not libc.trimmed.is_set()
        async with websockets_connect(url) as socket:
            await socket.send("x" * 70_000)
        async with asyncio.timeout(5):
            await libc.trimmed.wait()
    assert not libc.options, "an application that serves among other things keeps its allocator"


async def test_no_memory_is_given_back_for_connections_that_received_little(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = LibC()
    monkeypatch.setattr(runner, "_TRIM_S", 0.001)
    monkeypatch.setattr(runner, "glibc", lambda: libc)
    async with listening(scripted_app()) as url:
        async with websockets_connect(url) as socket:
            await socket.send("x")
        await get(url, "/healthz")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(libc.trimmed.wait(), 0.1)


async def test_a_connection_that_fails_ends_the_drain_of_no_other_and_not_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = [0]

    def shutdown(self: H11Protocol) -> None:
        failed[0] += 1
        raise AssertionError("not eof_sent")

    monkeypatch.setattr(H11Protocol, "shutdown", shutdown)
    async with (
        serving(scripted_app()) as (url, task),
        raw_connection(url) as one,
        raw_connection(url) as other,
        websockets_connect(url) as socket,
    ):
        for each in (one, other):
            each.writer.write(GET + b"\r\n")
            await each.read_until(b"}")
        await first(socket)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled(), "no fault of a connection is a fault of the server"
        assert (await one.read_to_end(), await other.read_to_end()) == (b"", b"")
        await socket.wait_closed()
        assert socket.close_code == 1001
    assert failed == [2]
    assert "not eof_sent" in caplog.text
