"""Every way in which a session or a request ends, is refused or fails leaves nothing for the garbage collector."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from duologue.codec import decode, encode
from duologue.engines.base import ResponderRequest
from duologue.engines.registry import Engines
from duologue.errors import ConnectFailed, ConnectionClosed, EngineError
from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent
from duologue.protocol import ServerProtocol, SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.server import Limits, RealtimeApp, Relay, ServerSession, SessionStart, Upstream
from duologue.server.ids import new_id
from duologue.server.rejections import REJECTIONS, Rejection
from duologue.server.session_start import ConfigRejected
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.transports import MemoryTransport, Transport, memory_pair
from duologue.transports.asgi import ASGITransport
from tests._memory import nothing_left_of
from tests.server._engines import (
    BrokenDetector,
    BrokenResponder,
    BrokenSynthesizer,
    BrokenTranscriber,
    EndlessResponder,
)
from tests.server._scopes import scope
from tests.server._talking import event, speak, typed, until, update

pytestmark = pytest.mark.timeout(30)

KEPT = (ServerSession, ServerProtocol, Relay, ASGITransport, Request, RealtimeEvent)
FAULTS = (Rejection, InvalidRequest, ConfigRejected, EngineError)


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is kept by the test's recorder, with the frames of its exceptions."""
    caplog.set_level(logging.CRITICAL, logger="duologue")


# --- sessions


class _Client:
    """The least of a client, which keeps nothing."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport

    async def send(self, event: RealtimeEvent) -> None:
        await self._transport.send(encode(event).decode())

    async def receive(self, *, timeout: float = 5) -> RealtimeEvent:
        async with asyncio.timeout(timeout):
            return decode(await self._transport.receive())


class _Hanging:
    name = "hanging"

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        await asyncio.Event().wait()
        yield ""


class _Wrong:
    name = "wrong"

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[Any, None]:
        yield 7


class _CancelsItself:
    name = "cancels itself"

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        yield "Well, "
        raise asyncio.CancelledError


def _with(**engines: Any) -> Callable[[], Engines]:
    return lambda: replace(scripted_engines(), **engines)


_End = Callable[["_Client", ServerSession, "asyncio.Future[None]"], Awaitable[None]]


async def _client_closes(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await until(connection, "session.created")


async def _answered(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await connection.send(update(audio={"input": {"transcription": {"model": "m"}}}))
    await speak(connection)
    await until(connection, "response.done")


async def _typed(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await connection.send(typed("Hello"))
    await connection.send(event("response.create"))
    await until(connection, "response.done")


async def _cancelled_response(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await connection.send(event("response.create"))
    await until(connection, "response.content_part.added")
    await connection.send(event("response.cancel"))
    await until(connection, "response.done")


async def _speaking(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await connection.send(event("response.create"))
    await until(connection, "response.content_part.added")


async def _drained(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await _typed(connection, session, serving)
    session.drain()
    await _closed(connection)


async def _stopped(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await _speaking(connection, session, serving)
    session.stop()
    await _closed(connection)


async def _server_cancelled(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await _speaking(connection, session, serving)
    serving.cancel()
    await _closed(connection)


async def _closed_by_server(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await _closed(connection)


async def _deaf(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await connection.send(InputAudioBufferAppendEvent.from_audio(bytes(4_800)))
    await _closed(connection)


async def _refused(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    item = {"type": "function_call_output", "call_id": "unknown", "output": "x" * 100_000}
    await connection.send(event("conversation.item.create", item=item))
    await until(connection, "error")


async def _stalled(connection: _Client, session: ServerSession, serving: asyncio.Future[None]) -> None:
    await connection.send(event("response.create"))
    await asyncio.wait({serving}, timeout=5)


async def _closed(connection: _Client) -> None:
    try:
        while True:
            await connection.receive(timeout=5)
    except ConnectionClosed:
        return


SESSIONS: dict[str, tuple[_End, Callable[[], Engines], dict[str, Any]]] = {
    "the client closes": (_client_closes, scripted_engines, {}),
    "a turn was answered": (_answered, scripted_engines, {}),
    "a typed message was answered": (_typed, scripted_engines, {}),
    "a response was cancelled": (_cancelled_response, _with(responder=EndlessResponder()), {}),
    "the client closes while the model speaks": (_speaking, _with(responder=EndlessResponder()), {}),
    "the server drains": (_drained, scripted_engines, {}),
    "the server stops": (_stopped, _with(responder=EndlessResponder()), {}),
    "the server is cancelled": (_server_cancelled, _with(responder=EndlessResponder()), {}),
    "an event was refused": (_refused, scripted_engines, {}),
    "the client stalls": (
        _stalled,
        _with(responder=EndlessResponder()),
        {"limits": Limits(stall_s=0.01, backlog_bytes=1)},
    ),
    "the client is idle": (_closed_by_server, scripted_engines, {"limits": Limits(idle_s=0.01)}),
    "the session expires": (_closed_by_server, scripted_engines, {"defaults": SessionDefaults(duration_s=0)}),
    "too many events came": (_refused, scripted_engines, {"limits": Limits(events_per_s=0.001)}),
    "the detector fails": (_deaf, lambda: replace(scripted_engines(), new_detector=BrokenDetector), {}),
    "the transcriber fails": (_answered, _with(transcriber=BrokenTranscriber()), {}),
    "the synthesizer fails": (_typed, _with(synthesizer=BrokenSynthesizer()), {}),
    "the responder fails": (
        _typed,
        lambda: replace(scripted_engines(), responder=BrokenResponder(EngineError("no", engine="broken"))),
        {},
    ),
    "the responder breaks": (
        _typed,
        lambda: replace(scripted_engines(), responder=BrokenResponder(RuntimeError("broken"))),
        {},
    ),
    "the responder hangs": (_typed, _with(responder=_Hanging()), {"limits": Limits(engine_s=0.01)}),
    "the responder makes something else": (_typed, _with(responder=_Wrong()), {}),
    "the responder cancels itself": (_typed, _with(responder=_CancelsItself()), {}),
}


@pytest.mark.parametrize("way", SESSIONS)
async def test_a_session_is_freed_at_once(way: str) -> None:
    end, engines, settings = SESSIONS[way]
    with nothing_left_of(*KEPT, *FAULTS):
        await _session_that_ends(end, engines(), settings)


async def _session_that_ends(end: _End, engines: Engines, settings: dict[str, Any]) -> None:
    # With nothing between the two ends a client that takes nothing is felt at once.
    ours, theirs = memory_pair(capacity=4)
    session = ServerSession(theirs, engines, settings.pop("defaults", None), **settings)
    serving = asyncio.ensure_future(session.run())
    await end(_Client(ours), session, serving)
    await ours.close()
    await asyncio.wait({serving}, timeout=5)
    assert serving.done()


# --- clients that are turned away, and requests that are refused


_Ask = Callable[[], Awaitable[tuple[int, str | None]]]


def _app(**settings: Any) -> RealtimeApp:
    return RealtimeApp(engines=scripted_app_engines(), **settings)


async def _handshake(application: RealtimeApp, **of_scope: Any) -> tuple[int, str | None]:
    """Connects and hangs up; the close that came, and the code of the error that was sent before."""
    reported: list[dict[str, Any]] = []
    messages = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        reported.append(dict(message))

    await application(scope(**of_scope), receive, send)
    [close] = [message["code"] for message in reported if message["type"] == "websocket.close"]
    return close, None


async def _asked(application: RealtimeApp, method: str, path: str, **request: Any) -> tuple[int, str | None]:
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.request(method, path, **request)
    return answer.status_code, answer.json()["error"]["code"]


def _posted(*, times: int = 1, body: bytes = b"{}", key: str | None = None, **settings: Any) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        application = _app(**settings)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        got = httpx.Response(0)
        for _ in range(times):
            url = "/v1/realtime/client_secrets"
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(application, raise_app_exceptions=False), base_url="http://server"
            ) as client:
                got = await client.post(url, content=body, headers=headers)
        return got.status_code, got.json()["error"]["code"]

    return ask


def _connected(*, times: int = 1, limits: Limits | None = None, of_scope: Any = None, **settings: Any) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        application = _app(limits=limits, **settings)
        async with application.running():
            for _ in range(times - 1):
                await _handshake_of(application, {})
            return await _handshake_of(application, of_scope or {})

    return ask


async def _handshake_of(application: RealtimeApp, of_scope: dict[str, Any]) -> tuple[int, str | None]:
    try:
        return await _handshake(application, **of_scope)
    except ValueError:  # a session that the client has left is not closed
        return 1000, None


async def _draining() -> tuple[int, str | None]:
    application = _app()
    async with application.running():
        await application.drain(within_s=0)
        return await _handshake(application)


async def _not_ready() -> tuple[int, str | None]:
    return await _handshake(_app())


async def _broken() -> tuple[int, str | None]:
    application = _app()

    def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    application.secrets.make = breaks  # type: ignore[method-assign]
    return await _asked(application, "POST", "/v1/realtime/client_secrets")


_CONFIGURED = b'{"session":{"type":"realtime","instructions":"' + b"x" * 10_000 + b'"}}'

REFUSED: dict[str, _Ask] = {
    "no_key": _posted(api_key="sesame"),
    "wrong_key": _posted(api_key="sesame", key="other"),
    "origin": _connected(of_scope={"headers": {"Origin": "https://other.example"}}),
    "no_model": _connected(models=["m"]),
    "wrong_model": lambda: _asked(_app(models=["m"]), "GET", "/v1/models/other"),
    "wrong_intent": _connected(of_scope={"query": "intent=other"}),
    "beta": _connected(refuse_beta=True, of_scope={"headers": {"OpenAI-Beta": "realtime=v1"}}),
    "rate": _connected(times=2, limits=Limits(sessions_per_minute=1)),
    "full": _connected(limits=Limits(sessions=0)),
    "owner_sessions": _connected(limits=Limits(max_sessions_per_owner=0)),
    "full_of_secrets": _posted(times=2, limits=Limits(client_secrets=1)),
    "secrets": _posted(times=2, body=_CONFIGURED, limits=Limits(max_owner_client_secret_bytes=15_000)),
    "owner_full": _posted(times=2, body=_CONFIGURED, limits=Limits(max_owner_bytes=15_000)),
    "server_full": _posted(times=2, body=_CONFIGURED, limits=Limits(max_memory_bytes=15_000)),
    "draining": _draining,
    "not_ready": _not_ready,
    "wrong_path": lambda: _asked(_app(), "GET", "/other"),
    "wrong_method": lambda: _asked(_app(), "GET", "/v1/realtime/client_secrets"),
    "no_upgrade": lambda: _asked(_app(), "GET", "/v1/realtime"),
    "too_large": _posted(body=b" " * 10, limits=Limits(body_bytes=5)),
    "not_json": _posted(body=b"{"),
    "broken": _broken,
}
"""By the name in `REJECTIONS`; each returns the HTTP status and the error's code, or the close code and None."""

_IN_SESSIONS = {
    "events": "too many events came",
    "idle": "the client is idle",
    "stalled": "the client stalls",
}
_AT_THE_EDGE = {
    "two_keys": "as wrong_key",
    "connections": "too many connections",
    "address_full": "too many connections of an address",
    "unread": "too many unread bytes",
    "fragments": "too many fragments of a message",
    "headers_late": "headers do not end",
    "request_late": "a body does not end",
    "handshake_late": "a handshake does not end",
    "message_late": "a message does not end",
    "headers_large": "headers are too large",
    "url_large": "the URL is too long",
    "malformed": "it is no HTTP",
}
"""Before or below the application, of which nothing lives then: `test_connection_memory.py` looks at connections."""


def test_every_way_to_be_turned_away_is_tried() -> None:
    assert REFUSED.keys() | _IN_SESSIONS.keys() | _AT_THE_EDGE.keys() == REJECTIONS.keys()


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_that_is_refused_is_freed_at_once(name: str) -> None:
    row = REJECTIONS[name]
    with nothing_left_of(*KEPT, *FAULTS):
        reported = await REFUSED[name]()
        assert reported in ((row.http_status, row.code), (row.close_code, None))


@pytest.mark.parametrize("body", [b'{"session":{"type":"realtime","no":1}}', b'{"session":[]}', b'{"session":{}}'])
async def test_a_configuration_that_is_refused_is_freed_at_once(body: bytes) -> None:
    with nothing_left_of(*KEPT, *FAULTS):
        assert (await _posted(body=body)())[0] == 400


# --- relays


async def _upstream_closes(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await upstream.send('{"type":"session.created","event_id":"e","session":{}}')
    await client.receive()
    await upstream.close(1000)


async def _upstream_closes_at_once(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await upstream.close(4000, "no")


async def _relay_client_closes(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await client.send('{"type":"response.create"}')
    await upstream.receive()
    await client.close(1000)


async def _relay_stops(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    relay.stop()


async def _nonsense(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await client.send("{")
    await upstream.send("{")
    await client.receive()
    await client.close(1000)


RELAYS: dict[str, tuple[Callable[[MemoryTransport, MemoryTransport, Relay], Awaitable[None]], Exception | None]] = {
    "the client closes": (_relay_client_closes, None),
    "the upstream closes": (_upstream_closes, None),
    "the upstream closes at once": (_upstream_closes_at_once, None),
    "the server stops": (_relay_stops, None),
    "what is no JSON passes": (_nonsense, None),
    "the upstream cannot be reached": (_relay_stops, ConnectFailed("refused", retryable=True)),
    "the relay breaks": (_relay_stops, RuntimeError("broken")),
}


@pytest.mark.parametrize("configured", [False, True], ids=["plain", "by a secret"])
@pytest.mark.parametrize("way", RELAYS)
async def test_a_relayed_session_is_freed_at_once(way: str, configured: bool) -> None:
    end, fault = RELAYS[way]
    with nothing_left_of(*KEPT, ConnectFailed):
        await _relay_that_ends(end, fault, configured)


async def _relay_that_ends(
    end: Callable[[MemoryTransport, MemoryTransport, Relay], Awaitable[None]], fault: Exception | None, configured: bool
) -> None:
    client, front = memory_pair(capacity=8)
    back, upstream = memory_pair(capacity=8)

    async def open_upstream(session_start: SessionStart) -> Transport:
        if fault is not None:
            raise type(fault)(*fault.args, **({"retryable": True} if isinstance(fault, ConnectFailed) else {}))
        return back

    message = '{"type":"session.update","session":{"type":"realtime"}}' if configured else None
    relay = Relay(
        front,
        Upstream(open=open_upstream, dialect="openai-beta"),
        session_start=SessionStart(message=message),
        new_id=new_id,
    )
    running = asyncio.ensure_future(relay.run())
    if fault is None and configured:
        await upstream.receive()
        if end is not _upstream_closes_at_once:
            await upstream.send('{"type":"session.created","event_id":"e","session":{}}')
            await upstream.send('{"type":"session.updated","event_id":"e","session":{}}')
            await client.receive()
    await end(client, upstream, relay)
    await asyncio.wait({running}, timeout=6)
    assert running.done()
    running.result()
