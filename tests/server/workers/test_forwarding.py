"""Two workers in one process, and what stands in for the parent between them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from duologue.server import RealtimeApp
from duologue.server.limits import Limits
from duologue.server.open_sessions import OpenSessions
from duologue.server.workers.forwarding import Forwarding, worker_wanted
from duologue.server.workers.passed_streams import pass_stream, streams_pair, take_stream
from duologue.transports.asgi import OFFER, ASGIReceive, ASGISend, Scope

Message = MutableMapping[str, Any]


class Application:
    """A worker's own application: does what the test says, and notes what it was asked."""

    def __init__(self, serve: Callable[[ASGIReceive, ASGISend], Any] | None = None) -> None:
        self.open_sessions = OpenSessions(Limits())
        self.scopes: list[Scope] = []
        self._serve = serve

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        self.scopes.append(scope)
        if self._serve is not None:
            await self._serve(receive, send)


class Client:
    """The server's side of one connection: what the client says, and what it gets."""

    def __init__(self, *said: Message) -> None:
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self.got: asyncio.Queue[Message] = asyncio.Queue()
        for message in said:
            self._said.put_nowait(message)

    def say(self, **message: Any) -> None:
        self._said.put_nowait(message)

    async def receive(self) -> Message:
        return await self._said.get()

    async def send(self, message: Message) -> None:
        self.got.put_nowait(message)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.got.get(), 5)


class Workers:
    """Some workers, by their numbers from 1."""

    def __init__(self, applications: tuple[Application, ...]) -> None:
        self.ways: dict[int, socket.socket] = {}
        self.forwarding: dict[int, Forwarding] = {}
        for number, application in enumerate(applications, 1):
            self.ways[number], its = streams_pair()
            self.forwarding[number] = Forwarding(cast("RealtimeApp", application), its, number=number)
            asyncio.get_running_loop().add_reader(self.ways[number].fileno(), self._pass, self.ways[number])

    def _pass(self, way: socket.socket) -> None:
        taken = take_stream(way)
        assert taken is not None
        number, end = taken
        if number in self.ways:
            pass_stream(self.ways[number], number, end)
        os.close(end)

    async def close(self) -> None:
        for each in self.forwarding.values():
            await each.close()
        for way in self.ways.values():
            asyncio.get_running_loop().remove_reader(way.fileno())
            way.close()


@asynccontextmanager
async def workers(*applications: Application) -> AsyncGenerator[Workers, None]:
    made = Workers(applications)
    try:
        yield made
    finally:
        await made.close()


def sideband(call_id: str) -> Scope:
    """A handshake for the session of a call."""
    query = f"call_id={call_id}".encode()
    return {"type": "websocket", "path": "/v1/realtime", "query_string": query, "headers": [(b"a", b"b")]}


async def echo(receive: ASGIReceive, send: ASGISend) -> None:
    """Accept, and send back each text until the client is gone."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": None})
    await send({"type": OFFER, "take": object()})  # of this process only
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    left.append(message)


left: list[Message] = []


async def test_a_sideband_is_served_where_its_call_is_and_its_end_is_seen_there() -> None:
    here, there = Application(), Application(echo)
    client = Client({"type": "websocket.connect"})
    left.clear()
    async with workers(here, there) as made:
        serving = asyncio.ensure_future(made.forwarding[1](sideband("rtc_w2_ab"), client.receive, client.send))
        assert (await client.next())["type"] == "websocket.accept"
        for text in ("one", "é" * 200_000):
            client.say(type="websocket.receive", text=text)
            assert (await client.next())["text"] == text
        assert len(here.open_sessions) == 0  # which counts it there
        client.say(type="websocket.disconnect", code=4321)
        await asyncio.wait_for(serving, 5)
    assert (here.scopes, len(there.scopes), len(here.open_sessions)) == ([], 1, 0)
    assert left == [{"type": "websocket.disconnect", "code": 4321}]
    assert client.got.empty()


async def test_a_request_whose_worker_dies_is_answered_503() -> None:
    async def die(receive: ASGIReceive, send: ASGISend) -> None:
        await receive()

    client = Client({"type": "http.request", "body": b"", "more_body": False})
    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/realtime/calls/rtc_w2_a/hangup", "headers": []}
    async with workers(Application(), Application(die)) as made:
        await asyncio.wait_for(made.forwarding[1](scope, client.receive, client.send), 5)
    assert (await client.next())["status"] == 503
    assert b"server_shutting_down" in (await client.next())["body"]


async def test_forwarded_connections_take_no_place_of_sessions_and_end_with_the_server() -> None:
    here = Application()
    here.open_sessions.ready = True
    client = Client({"type": "websocket.connect"})
    async with workers(here, Application(echo)) as made:
        serving = asyncio.ensure_future(made.forwarding[1](sideband("rtc_w2_ab"), client.receive, client.send))
        assert (await client.next())["type"] == "websocket.accept"
        here.open_sessions.check_room("key 1")
        assert len(here.open_sessions) == 0
        await asyncio.wait_for(here.open_sessions.drain(within_s=5), 5)
        await asyncio.wait_for(serving, 5)
    assert (await client.next())["code"] == 1012


async def test_a_request_with_a_body_is_answered_by_the_other_worker() -> None:
    async def answer(receive: ASGIReceive, send: ASGISend) -> None:
        parts = [await receive(), await receive()]
        body = b"".join(part["body"] for part in parts)
        await send({"type": "http.response.start", "status": 201, "headers": [(b"location", b"/x")]})
        await send({"type": "http.response.body", "body": body})

    there = Application(answer)
    client = Client(
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
    )
    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/live/sessions/live_w2_a/fork", "headers": []}
    async with workers(Application(), there) as made:
        await asyncio.wait_for(made.forwarding[1](scope, client.receive, client.send), 5)
    assert await client.next() == {"type": "http.response.start", "status": 201, "headers": [(b"location", b"/x")]}
    assert (await client.next())["body"] == b"ab"


@pytest.mark.parametrize("call_id", ["rtc_w1_ab", "rtc_w9_ab", "rtc_ab", "rtc_w99999999_ab"])
async def test_what_no_other_worker_has_is_answered_here_with_nothing_lost(call_id: str) -> None:
    here, there = Application(echo), Application()
    client = Client({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000})
    async with workers(here, there) as made:
        await asyncio.wait_for(made.forwarding[1](sideband(call_id), client.receive, client.send), 5)
    assert (len(here.scopes), len(there.scopes)) == (1, 0)


async def test_a_worker_that_dies_ends_what_it_served_with_a_close_and_so_does_the_end_of_this_one() -> None:
    async def die(receive: ASGIReceive, send: ASGISend) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise OSError

    async def stay(receive: ASGIReceive, send: ASGISend) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"

    for serve in (die, stay):
        here, client = Application(), Client({"type": "websocket.connect"})
        async with workers(here, Application(serve)) as made:
            serving = asyncio.ensure_future(made.forwarding[1](sideband("rtc_w2_ab"), client.receive, client.send))
            assert (await client.next())["type"] == "websocket.accept"
            if serve is stay:
                await here.open_sessions.drain(within_s=5)
            assert (await client.next())["code"] == 1012
            await asyncio.wait_for(serving, 5)


async def test_a_fault_of_the_application_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(receive: ASGIReceive, send: ASGISend) -> None:
        raise LookupError("no such thing")

    client = Client({"type": "websocket.connect"})
    async with workers(Application(), Application(fail)) as made:
        await asyncio.wait_for(made.forwarding[1](sideband("rtc_w2_ab"), client.receive, client.send), 5)
    assert "forwarded connection broke" in caplog.text


@pytest.mark.parametrize(
    ("kind", "path", "query", "number"),
    [
        ("websocket", "/v1/realtime", b"call_id=rtc_w12_ab", 12),
        ("websocket", "/openai/v1/realtime", b"call_id=rtc_w3_ab", 3),
        ("websocket", "/v1/realtime", b"model=m", None),
        ("websocket", "/v1/realtime", b"call_id=w3", None),
        ("websocket", "/v1/live/sessions/live_w4_ab/attach", b"", 4),
        ("websocket", "/v1/live/sessions/live_w4_ab/fork", b"", 4),
        ("websocket", "/v1/live/sessions", b"", None),
        ("http", "/v1/realtime/calls/rtc_w5_ab/hangup", b"", 5),
        ("http", "/openai/v1/realtime/calls/rtc_w5_ab/refer", b"", 5),
        ("http", "/v1/realtime/calls/rtc_ab/hangup", b"", None),
        ("http", "/v1/realtime/calls", b"", None),
        ("http", "/v1/realtime", b"call_id=rtc_w5_ab", None),
        ("lifespan", "", b"", None),
    ],
)
def test_ids_say_which_worker_is_wanted(kind: str, path: str, query: bytes, number: int | None) -> None:
    assert worker_wanted({"type": kind, "path": path, "query_string": query, "headers": []}) == number
