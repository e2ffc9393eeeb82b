"""Every way in which a session or a request ends, is refused or fails leaves nothing for the garbage collector."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from duologue.codec import decode, encode
from duologue.engines.registry import Engines
from duologue.errors import ConnectFailed, ConnectionClosed, EngineError
from duologue.events import ErrorEvent, InputAudioBufferAppendEvent, RealtimeEvent
from duologue.protocol import ServerProtocol, SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.server import Limits, Principal, RealtimeApp, Relay, ServerSession, SessionStart, Upstream
from duologue.server.http.key_file import NamedKey
from duologue.server.rejections import REJECTIONS, Rejection
from duologue.server.session_start import ConfigRejected
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, Transport, memory_pair
from duologue.transports.asgi import ASGITransport, Scope
from tests._memory import nothing_left_of
from tests.server._engines import EndlessResponder, EndlessSynthesizer, Odd, failing
from tests.server._listening import scripted_app
from tests.server._relays import created, running_relay, updated
from tests.server._scopes import scope
from tests.server._talking import event, settle, speak, typed, until, update

pytestmark = pytest.mark.timeout(30)

KEPT = (ServerSession, ServerProtocol, Relay, ASGITransport, Request, RealtimeEvent)
FAULTS = (Rejection, InvalidRequest, ConfigRejected, EngineError, ConnectFailed)


@pytest.fixture(autouse=True)
def _no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is kept by the test's recorder, with the frames of its exceptions."""
    caplog.set_level(logging.CRITICAL, logger="duologue")


# --- sessions


class _Talk:
    """A session that is served, and the least of a client, which keeps nothing."""

    def __init__(self, transport: MemoryTransport, session: ServerSession) -> None:
        self._transport = transport
        self.session = session
        self.serving = asyncio.ensure_future(session.run())

    async def send(self, event: RealtimeEvent) -> None:
        await self._transport.send(encode(event).decode())

    async def receive(self, *, timeout: float = 5) -> RealtimeEvent:
        async with asyncio.timeout(timeout):
            return decode(await self._transport.receive())

    async def closes_with(self, code: int, reason: str, *, error: str | None = None) -> None:
        """Receives all that comes: the session's close, and the error before it."""
        closed, said = None, None
        while closed is None:
            try:
                received = await self.receive()
                said = received.error.code if isinstance(received, ErrorEvent) else said
            except ConnectionClosed as end:
                closed = (end.code, end.reason, said)
        assert closed == (code, reason, error)


GOING_AWAY = (1001, "the server is going away")


async def _greeted(talk: _Talk) -> None:
    await until(talk, "session.created")


async def _answered(talk: _Talk) -> None:
    await talk.send(update(audio={"input": {"transcription": {"model": "m"}}}))
    await speak(talk)
    await until(talk, "response.done")


async def _typed(talk: _Talk) -> None:
    await talk.send(typed("Hello"))
    await talk.send(event("response.create"))
    await until(talk, "response.done")


async def _speaking(talk: _Talk) -> None:
    await talk.send(event("response.create"))
    await until(talk, "response.content_part.added")


async def _cancelled_response(talk: _Talk) -> None:
    await _speaking(talk)
    await talk.send(event("response.cancel"))
    await until(talk, "response.done")


async def _listening(talk: _Talk) -> None:
    await talk.send(update(audio={"input": {"transcription": {"model": "m"}}}))
    await speak(talk)  # a turn that waits for its transcript
    await until(talk, "input_audio_buffer.committed")
    await speak(talk, silence_ms=300)  # and one that is read ahead
    await until(talk, "input_audio_buffer.speech_started")


async def _drained(talk: _Talk) -> None:
    await talk.send(event("response.create"))
    await until(talk, "response.created")
    talk.session.drain()
    await until(talk, "response.done")
    await talk.closes_with(*GOING_AWAY)


def _stopped(during: Callable[[_Talk], Awaitable[None]]) -> Callable[[_Talk], Awaitable[None]]:
    async def end(talk: _Talk) -> None:
        await during(talk)
        talk.session.stop()
        await talk.closes_with(*GOING_AWAY)

    return end


async def _not_yet_served(talk: _Talk) -> None:
    return


async def _server_cancelled(talk: _Talk) -> None:
    await _speaking(talk)
    talk.serving.cancel()
    await talk.closes_with(*GOING_AWAY)
    await asyncio.wait({talk.serving}, timeout=5)
    assert talk.serving.cancelled()


async def _idle(talk: _Talk) -> None:
    await talk.closes_with(1001, "invalid_request_error.session_idle", error="session_idle")


async def _expired(talk: _Talk) -> None:
    await talk.closes_with(1001, "Your session hit the maximum duration of 0 minutes.", error="session_expired")


async def _undetected(talk: _Talk) -> None:
    await talk.send(InputAudioBufferAppendEvent.from_audio(bytes(4_800)))
    await talk.closes_with(1011, "broken: out of order", error="engine_failed")


async def _refused(talk: _Talk) -> None:
    item = {"type": "function_call_output", "call_id": "unknown", "output": "x" * 100_000}
    await talk.send(event("conversation.item.create", item=item))
    await until(talk, "error")


async def _behind(talk: _Talk) -> None:
    await talk.send(event("response.create"))
    await settle(1_000)
    await talk.send(event("input_audio_buffer.clear"))  # now the reader waits for the client too
    await settle()


async def _stalled(talk: _Talk) -> None:
    await talk.send(event("response.create"))
    await asyncio.wait({talk.serving}, timeout=5)
    await talk.closes_with(1008, "invalid_request_error.client_too_slow")


_End = Callable[[_Talk], Awaitable[None]]
_ENDLESS: dict[str, Callable[[], Any]] = {"responder": EndlessResponder}
_UNENDING: dict[str, Callable[[], Any]] = {"transcriber": lambda: Odd(" Well", ..., repeatable=True)}

SESSIONS: dict[str, tuple[_End, dict[str, Callable[[], Any]], dict[str, Any]]] = {
    "the client closes": (_greeted, {}, {}),
    "the client closes before it is greeted": (_not_yet_served, {}, {}),
    "a turn was answered": (_answered, {}, {}),
    "a typed message was answered": (_typed, {}, {}),
    "a response was cancelled": (_cancelled_response, _ENDLESS, {}),
    "the client closes while the model speaks": (_speaking, _ENDLESS, {}),
    "the client closes while a transcript is made": (_listening, _UNENDING, {}),
    "the client closes and has not received all": (_behind, {"synthesizer": EndlessSynthesizer}, {}),
    "the server drains": (_drained, {}, {}),
    "the server stops before the session begins": (_stopped(_not_yet_served), {}, {}),
    "the server stops while the model speaks": (_stopped(_speaking), _ENDLESS, {}),
    "the server stops while a transcript is made": (_stopped(_listening), _UNENDING, {}),
    "the server is cancelled": (_server_cancelled, _ENDLESS, {}),
    "an event was refused": (_refused, {}, {}),
    "the client stalls": (_stalled, _ENDLESS, {"limits": Limits(stall_s=0.01, backlog_bytes=1)}),
    "the client is idle": (_idle, {}, {"limits": Limits(idle_s=0.01)}),
    "the session expires": (_expired, {}, {"defaults": SessionDefaults(duration_s=0)}),
    "too many events came": (_refused, {}, {"limits": Limits(events_per_s=0.001)}),
    "the detector fails": (_undetected, {"new_detector": lambda: failing}, {}),
    "the transcriber fails": (_answered, {"transcriber": failing}, {}),
    "the synthesizer fails": (_typed, {"synthesizer": failing}, {}),
    "the responder fails": (_typed, {"responder": failing}, {}),
    "the responder breaks": (_typed, {"responder": lambda: Odd("Well, ", RuntimeError)}, {}),
    "the responder hangs": (_typed, {"responder": lambda: Odd(...)}, {"limits": Limits(engine_s=0.01)}),
    "the responder makes something else": (_typed, {"responder": lambda: Odd(7)}, {}),
    "the responder cancels itself": (_typed, {"responder": lambda: Odd("Well, ", asyncio.CancelledError)}, {}),
}
"""How each goes until the client closes, or is closed; its engines; and its settings."""


@pytest.mark.parametrize("modality", ["audio", "text"])
@pytest.mark.parametrize("way", SESSIONS)
async def test_a_session_is_freed_at_once(way: str, modality: str) -> None:
    end, engines, settings = SESSIONS[way]
    with nothing_left_of(*KEPT, *FAULTS):
        await _session_that_ends(end, _made(engines), modality, **settings)


def _made(engines: dict[str, Callable[[], Any]]) -> Engines:
    return replace(scripted_engines(), **{name: make() for name, make in engines.items()})


async def _session_that_ends(
    end: _End, engines: Engines, modality: str, *, defaults: SessionDefaults | None = None, limits: Limits | None = None
) -> None:
    before = asyncio.all_tasks()
    # With nothing between the two ends a client that takes nothing is felt at once.
    ours, theirs = memory_pair(capacity=4)
    start = SessionStart(message=encode(update(output_modalities=[modality])).decode())
    talk = _Talk(ours, ServerSession(theirs, engines, defaults, session_start=start, limits=limits))
    await end(talk)
    await ours.close()
    await asyncio.wait({talk.serving}, timeout=5)
    assert talk.serving.cancelled() or talk.serving.exception() is None
    assert asyncio.all_tasks() == before


# --- clients that are turned away, and requests that are refused


_Ask = Callable[[], Awaitable[tuple[int, str | None]]]


async def _late(scope: Scope) -> Principal | None:
    """An application whose database does not answer."""
    raise TimeoutError


async def _handshake(application: RealtimeApp, **of_scope: Any) -> tuple[int, str | None]:
    """Connects and hangs up; the close that came, or 1000 where the client was admitted."""
    reported: list[dict[str, Any]] = []
    messages = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        reported.append(dict(message))

    await application(scope(**of_scope), receive, send)
    return next((message["code"] for message in reported if message["type"] == "websocket.close"), 1000), None


SECRETS = "/v1/realtime/client_secrets"


async def _asked(application: RealtimeApp, method: str, path: str, **request: Any) -> tuple[int, str | None]:
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.request(method, path, **request)
    return answer.status_code, answer.json().get("error", {}).get("code")


def _posted(*, times: int = 1, body: bytes = b"{}", key: str = "", path: str = SECRETS, **settings: Any) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        application = scripted_app(**settings)
        for _ in range(times - 1):
            await _asked(application, "POST", path, content=body)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await _asked(application, "POST", path, content=body, headers=headers)

    return ask


def _connected(*, times: int = 1, of_scope: dict[str, Any] | None = None, **settings: Any) -> _Ask:
    async def ask() -> tuple[int, str | None]:
        application = scripted_app(**settings)
        async with application.running():
            for _ in range(times - 1):
                await _handshake(application)
            return await _handshake(application, **of_scope or {})

    return ask


async def _draining() -> tuple[int, str | None]:
    application = scripted_app()
    async with application.running():
        await application.drain(within_s=0)
        return await _handshake(application)


DRAIN = "/v1/admin/drain"
TRANSLATION = {"path": "/v1/realtime/translations"}


async def _with_a_secret() -> tuple[int, str | None]:
    application = scripted_app()
    async with application.running():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            secret = (await client.post(SECRETS, content=b"{}")).json()["value"]
        headers = {"Authorization": f"Bearer {secret}"}
        return await _handshake(application, path="/v1/live/sessions", headers=headers)


async def _relayed_live() -> tuple[int, str | None]:
    async def open_upstream(session_start: SessionStart) -> Transport:
        raise AssertionError("nothing is opened")

    application = scripted_app(upstream=Upstream(open=open_upstream))
    async with application.running():
        return await _handshake(application, path="/v1/live/sessions")


async def _broken() -> tuple[int, str | None]:
    application = scripted_app()

    def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    application.secrets.make = breaks  # type: ignore[method-assign]
    return await _asked(application, "POST", SECRETS)


_CONFIGURED = b'{"session":{"type":"realtime","instructions":"' + b"x" * 10_000 + b'"}}'

REFUSED: dict[str, _Ask] = {
    "no_key": _posted(api_key="sesame"),
    "wrong_key": _posted(api_key="sesame", key="other"),
    "origin": _connected(of_scope={"headers": {"Origin": "https://other.example"}}),
    "drain_without_key": _posted(path=DRAIN),
    "drain_of_a_caller": _posted(path=DRAIN, key="theirs", named_keys=[NamedKey.of("alice", "theirs")]),
    "wrong_manner": _posted(path=f"{DRAIN}?manner=later", api_key="sesame", key="sesame"),
    "no_model": _connected(models=["m"]),
    "wrong_model": lambda: _asked(scripted_app(models=["m"]), "GET", "/v1/models/other"),
    "wrong_intent": _connected(of_scope={"query": "intent=other"}),
    "model_of_transcription": _connected(of_scope={"query": "intent=transcription&model=m"}),
    "model_of_another_kind": _connected(of_scope={"query": "model=whisper-1"}),
    "beta": _connected(refuse_beta=True, of_scope={"headers": {"OpenAI-Beta": "realtime=v1"}}),
    "rate": _connected(times=2, limits=Limits(sessions_per_minute=1)),
    "full": _connected(limits=Limits(sessions=0)),
    "owner_sessions": _connected(limits=Limits(max_sessions_per_owner=0)),
    "full_of_secrets": _posted(times=2, body=_CONFIGURED, limits=Limits(max_client_secret_bytes=15_000)),
    "secrets": _posted(times=2, body=_CONFIGURED, limits=Limits(max_owner_client_secret_bytes=15_000)),
    "owner_full": _posted(times=2, body=_CONFIGURED, limits=Limits(max_owner_bytes=15_000)),
    "server_full": _posted(times=2, body=_CONFIGURED, limits=Limits(max_memory_bytes=15_000)),
    "draining": _draining,
    "not_ready": lambda: _handshake(scripted_app()),
    "authentication_late": lambda: _handshake(scripted_app(authenticate=_late)),
    "wrong_path": lambda: _asked(scripted_app(), "GET", "/other"),
    "wrong_method": lambda: _asked(scripted_app(), "GET", SECRETS),
    "no_upgrade": lambda: _asked(scripted_app(), "GET", "/v1/realtime"),
    "model_not_for_translation": _connected(of_scope={**TRANSLATION, "query": "model=gpt-realtime"}),
    "intent_of_translation": _connected(of_scope={**TRANSLATION, "query": "intent=realtime"}),
    "secret_of_another_kind": _with_a_secret,
    "no_live_session": _connected(of_scope={"path": "/v1/live/sessions/live_1/attach"}),
    "no_stored_session": _connected(of_scope={"path": "/v1/live/sessions/live_1/fork"}),
    "no_live_upstream": _relayed_live,
    "no_telephone": lambda: _asked(scripted_app(), "POST", "/v1/live/sessions/live_1/accept"),
    "no_live_recording": lambda: _asked(scripted_app(), "GET", "/v1/live/sessions/live_1/content"),
    "too_large": _posted(body=b" " * 10, limits=Limits(body_bytes=5)),
    "not_json": _posted(body=b"{"),
    "broken": _broken,
}
"""By the name in `REJECTIONS`; each returns the HTTP status and the error's code, or the close code and None."""

_IN_SESSIONS = {
    "events": "too many events came",
    "idle": "the client is idle",
    "stalled": "the client stalls",
    "sidebands": "in tests/server/live/test_sideband.py",
    "no_store": "in tests/server/shared",
    "call_answered": "in tests/server/calls/test_telephone_routes.py",
    "call_rings": "in tests/server/calls/test_telephone_routes.py",
    "unsigned_call": "in tests/telephony/serving/test_phone_app.py",
    "model_not_for_live": "in tests/server/live/test_session.py",
}
_OF_CALLS = dict.fromkeys(
    (
        "call_has_model invalid_offer malformed_form no_call no_call_to_join no_ports no_sip_call "
        "no_upstream no_webrtc_package upstream_busy webrtc_off wrong_media_type"
    ).split(),
    "in tests/server/calls/test_every_end.py",
)
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
    assert REFUSED.keys() | _IN_SESSIONS.keys() | _OF_CALLS.keys() | _AT_THE_EDGE.keys() == REJECTIONS.keys()


@pytest.mark.parametrize("name", REFUSED)
async def test_a_request_that_is_refused_is_freed_at_once(name: str) -> None:
    row = REJECTIONS[name]
    with nothing_left_of(*KEPT, *FAULTS):
        assert await REFUSED[name]() in ((row.http_status, row.code), (row.close_code, None))


@pytest.mark.parametrize("body", [b'{"session":{"type":"realtime","no":1}}', b'{"session":[]}', b'{"session":{}}'])
async def test_a_configuration_that_is_refused_is_freed_at_once(body: bytes) -> None:
    with nothing_left_of(*KEPT, *FAULTS):
        assert (await _posted(body=body)())[0] == 400


# --- relays


_Relayed = Callable[[MemoryTransport, MemoryTransport, Relay], Awaitable[None]]


async def _upstream_closes(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await upstream.close(1000)


async def _upstream_closes_at_once(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await upstream.close(4000, "no")


async def _client_closes(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await client.send('{"type":"response.create"}')
    await upstream.receive()
    await client.close(1000)


async def _relay_stops(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    relay.stop()


async def _nonsense(client: MemoryTransport, upstream: MemoryTransport, relay: Relay) -> None:
    await client.send("{")
    await upstream.send("{")
    await client.receive()


RELAYS: dict[str, tuple[_Relayed, Callable[[], Exception] | None]] = {
    "the client closes": (_client_closes, None),
    "the upstream closes": (_upstream_closes, None),
    "the upstream closes at once": (_upstream_closes_at_once, None),
    "the server stops": (_relay_stops, None),
    "what is no JSON passes": (_nonsense, None),
    "the upstream cannot be reached": (_relay_stops, lambda: ConnectFailed("refused", retryable=True)),
    "the relay breaks": (_relay_stops, lambda: RuntimeError("broken")),
}


@pytest.mark.parametrize("configured", [False, True], ids=["plain", "by a secret"])
@pytest.mark.parametrize("way", RELAYS)
async def test_a_relayed_session_is_freed_at_once(way: str, configured: bool) -> None:
    with nothing_left_of(*KEPT, *FAULTS):
        await _relay_that_ends(*RELAYS[way], configuration=encode(update()).decode() if configured else None)


async def _relay_that_ends(end: _Relayed, fault: Callable[[], Exception] | None, *, configuration: str | None) -> None:
    relaying = running_relay("openai-beta", "openai", configuration=configuration, fault=fault)
    async with relaying as (client, upstream, relay):
        if fault is None and configuration is not None:
            await upstream.receive()
        if fault is None and end is not _upstream_closes_at_once:
            await upstream.send(created())
            await upstream.send(updated())
            await client.receive()
        await end(client, upstream, relay)
