"""The steps over a WebSocket: the handshake, the first event, the dialect, pings, a browser's handshake, a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from duologue.cli.doctor.remedies import refusal_remedy
from duologue.cli.doctor.step_result import StepOutcome, StepResult
from duologue.cli.doctor.target import DoctorTarget
from duologue.client.auth import Auth, Credentials, credentials_for, usual_auth
from duologue.client.endpoint import Endpoint
from duologue.client.refusals import close_refusal, session_refusal, told_by
from duologue.clock import loop_time
from duologue.codec import decode
from duologue.codec.jsontext import parse_object
from duologue.dialects import PROFILES, detect
from duologue.errors import AuthenticationFailed, ConnectFailed, ConnectionClosed, DecodeError, ModelNotFound
from duologue.events import ErrorEvent
from duologue.printable import printable_name
from duologue.transports.websocket import WebSocketTransport, open_websocket

__all__ = ["OpenedSession", "browser_step", "dialect_step", "first_event_step", "keep_alive_step", "websocket_step"]

_SILENT_SHARE: Final = 0.5
"""Of a step's time for a greeting; in the rest a server that waits for the client is spoken to."""

_LONG_ROUND_TRIP_MS: Final = 250
"""From here on a conversation is felt to lag, whatever the model does."""

_WAKE: Final = '{"type":"session.update","session":{"type":"realtime"}}'
"""Changes nothing, and is answered by every server that speaks the protocol, in one way or another."""

_NO_GREETING: Final = (
    "look at the server's log: it took the connection and says nothing; or a proxy on the way takes upgrades and passes"
    " no frames on (switch its buffering off): try it on the server's own machine"
)

_REALTIME: Final = "realtime"

_AUTH_WORDS: Final[dict[str, str]] = {
    "bearer": "as a bearer token",
    "jwt": "as a bearer token",
    "api-key": "in the header api-key",
    "basic": "in the header Authorization, as Basic",
    "query": "in the query",
    "subprotocol": "as a sub-protocol",
    "none": "not at all",
}


class OpenedSession:
    """An open WebSocket, and what came over it."""

    def __init__(self, transport: WebSocketTransport, began_at: float) -> None:
        self.transport = transport
        self.began_at = began_at
        self.frames: list[str | bytes] = []


async def websocket_step(target: DoctorTarget, proxies: Sequence[str]) -> tuple[StepResult, OpenedSession | None]:
    """Open the WebSocket as this library's client does."""
    endpoint = target.endpoint
    credentials, sent = endpoint.credentials(), _way_of_key(endpoint)
    tried = f"open a WebSocket at {target.shown}" + (f" for {endpoint.session_model}" if endpoint.session_model else "")
    tried += f", {sent}" + (f", as a page of {target.origin}" if target.origin is not None else "")
    began_at = loop_time()
    try:
        transport = await open_websocket(
            endpoint.session_url(credentials),
            headers=credentials.headers,
            subprotocols=credentials.subprotocols,
            options=target.socket,
        )
    except ConnectFailed as fault:
        facts = {"status": fault.status, "error": type(fault).__name__}
        remedy, told = refusal_remedy(fault, target, proxies), str(fault).removeprefix(f"{target.shown} ")
        return (
            StepResult(step="websocket", outcome="failed", tried=tried, happened=told, remedy=remedy, facts=facts),
            None,
        )
    facts = {"status": 101, "subprotocol": transport.subprotocol}
    happened = f"open after {_ms_since(began_at)} ms"
    return StepResult(step="websocket", outcome="ok", tried=tried, happened=happened, facts=facts), (
        OpenedSession(transport, began_at)
    )


async def first_event_step(target: DoctorTarget, session: OpenedSession) -> StepResult:
    """Wait for the server's first event; speak first if none comes. `frames` holds what came."""
    tried = "wait for the first event"
    spoken_to = False
    try:
        try:
            async with asyncio.timeout(target.step_s * _SILENT_SHARE):
                frame = await session.transport.receive()
        except TimeoutError:
            spoken_to = True
            await session.transport.send(_WAKE)
            async with asyncio.timeout(target.step_s * _SILENT_SHARE * 0.8):  # the row must be made in time
                frame = await session.transport.receive()
    except TimeoutError:
        happened = f"nothing came within {target.step_s * _SILENT_SHARE:g} s, and no answer to session.update either"
        return StepResult(step="first_event", outcome="failed", tried=tried, happened=happened, remedy=_NO_GREETING)
    except ConnectionClosed as closed:
        fault = close_refusal(closed, greeted=False)
        return _refused(target, fault, tried)
    session.frames.append(frame)
    took_ms = _ms_since(session.began_at)
    if isinstance(frame, bytes):
        return _no_event(tried, f"a binary message of {len(frame)} bytes came, and events are text")
    try:
        type = str(parse_object(frame).get("type", ""))
        event = decode(frame)
    except DecodeError as fault:
        return _no_event(tried, f"a message came that is no event: {fault}")
    if isinstance(event, ErrorEvent):
        refusal = session_refusal(event, greeted=spoken_to)
        if refusal is not None:
            return _refused(target, refusal, tried)
        type = f"error, {told_by(event.error)}"
    if not type:
        return _no_event(tried, "a JSON object without a type came")
    facts = {"type": printable_name(type), "after_ms": took_ms}
    happened = f"{printable_name(type)} came {took_ms} ms after the handshake began"
    if spoken_to:
        happened = f"{printable_name(type)} came in answer to session.update, and nothing before it"
        remedy = "nothing, with this client; others may wait for session.created forever"
        return StepResult(
            step="first_event", outcome="note", tried=tried, happened=happened, remedy=remedy, facts=facts
        )
    return StepResult(step="first_event", outcome="ok", tried=tried, happened=happened, facts=facts)


def dialect_step(target: DoctorTarget, session: OpenedSession) -> StepResult:
    """The dialect, by the URL and the first events."""
    detector = target.endpoint.dialect_detector()
    guesses = [detect(target.session_url)]
    for frame in session.frames:
        detector.observe(frame)
        with suppress(DecodeError):
            guesses.append(detect(parse_object(frame)))
    best = max(guesses, key=lambda guess: guess.confidence)
    title, dialect = PROFILES[detector.dialect].title, detector.dialect
    facts = {"dialect": dialect, "seen": best.dialect, "confidence": best.confidence}
    if not detector.is_guessed:
        tried, happened = f"compare the events with --dialect {dialect}", f"nothing speaks against {title}"
        if best.confidence > 0.5 and best.dialect != dialect:
            happened = f"they look like {best.dialect} ({best.reason})"
            remedy = f"leave --dialect out, or try --dialect {best.dialect}"
            return StepResult(
                step="dialect", outcome="note", tried=tried, happened=happened, remedy=remedy, facts=facts
            )
        return StepResult(step="dialect", outcome="ok", tried=tried, happened=happened, facts=facts)
    why = best.reason if best.dialect == dialect else "nothing gives another one away"
    happened = f"{dialect}, {title} ({why})"
    tried = "recognise the dialect by the URL and the first events"
    return StepResult(step="dialect", outcome="ok", tried=tried, happened=happened, facts=facts)


async def keep_alive_step(session: OpenedSession) -> StepResult:
    """Send a ping. Raises TimeoutError by the step's limit if no pong comes."""
    tried = "send a ping, as clients do to find dead connections"
    try:
        took_ms = round(await session.transport.ping() * 1000)
    except ConnectionClosed as closed:
        happened = f"the connection is over: code {closed.code}" + (f" ({closed.reason})" if closed.reason else "")
        remedy = "look at the server's log: it ends sessions that have only begun"
        return StepResult(step="keep_alive", outcome="failed", tried=tried, happened=happened, remedy=remedy)
    happened, facts = f"answered after {took_ms} ms", {"round_trip_ms": took_ms}
    if took_ms >= _LONG_ROUND_TRIP_MS:
        remedy = "use a server that is nearer: each turn waits for this way at least once"
        return StepResult(step="keep_alive", outcome="note", tried=tried, happened=happened, remedy=remedy, facts=facts)
    return StepResult(step="keep_alive", outcome="ok", tried=tried, happened=happened, facts=facts)


async def browser_step(target: DoctorTarget) -> StepResult:
    """Open the WebSocket as a page in a browser has to: with sub-protocols, of which the server must choose one."""
    endpoint = target.endpoint
    dialect = endpoint.dialect_detector().dialect
    if not {"subprotocol", "none"} & set(PROFILES[dialect].auth):
        happened = f"servers of the dialect {dialect} take no key that way"
        return StepResult(step="browser", outcome="skipped", tried="a browser's handshake", happened=happened)
    names = Credentials(subprotocols=(_REALTIME,))
    if endpoint.api_key is not None:
        names = credentials_for(endpoint.api_key, "subprotocol", dialect=dialect)
    key = endpoint.api_key
    shown = [each if key is None else each.replace(key, "…") for each in names.subprotocols]
    tried = f"open it as a browser does, with the sub-protocols {', '.join(shown)}" if shown else "open it"

    def row(outcome: StepOutcome, happened: str, remedy: str = "", chosen: str | None = None) -> StepResult:
        facts = {"subprotocol": chosen}
        return StepResult(step="browser", outcome=outcome, tried=tried, happened=happened, remedy=remedy, facts=facts)

    headers = {} if target.origin is None else {"Origin": target.origin}
    url = replace(endpoint, api_key=None).session_url()
    try:
        transport = await open_websocket(url, headers=headers, subprotocols=names.subprotocols, options=target.socket)
    except ConnectFailed as fault:
        return row(
            "note",
            str(fault).removeprefix(f"{target.shown} "),
            "pages in browsers cannot connect: go by way of a server of yours, or WebRTC",
        )
    await transport.close()
    chosen = transport.subprotocol
    if chosen is None:
        remedy = "have the server choose the sub-protocol realtime: without one, browsers give the connection up"
        return row("note", "open, and the server chose no sub-protocol", remedy)
    return row("ok", f"open, and the server chose {printable_name(chosen)}", chosen=printable_name(chosen))


def _refused(target: DoctorTarget, fault: ConnectFailed, tried: str) -> StepResult:
    remedy = "read what the server says, and look at its log"
    if isinstance(fault, AuthenticationFailed | ModelNotFound):
        remedy = refusal_remedy(fault, target)
    elif fault.retryable:
        remedy = "try again in a moment; if it stays so, look at the server's log"
    facts = {"error": type(fault).__name__}
    return StepResult(
        step="first_event", outcome="failed", tried=tried, happened=str(fault), remedy=remedy, facts=facts
    )


def _no_event(tried: str, happened: str) -> StepResult:
    remedy = "check the path: this WebSocket does not speak the Realtime protocol"
    return StepResult(step="first_event", outcome="failed", tried=tried, happened=happened, remedy=remedy)


def _way_of_key(endpoint: Endpoint) -> str:
    if endpoint.api_key is None:
        return "without a key"
    dialect = endpoint.dialect_detector().dialect
    way: Auth = endpoint.auth or usual_auth(dialect, endpoint.session_url(), endpoint.api_key)
    return f"with the key {_AUTH_WORDS[way]}"


def _ms_since(began_at: float) -> int:
    return round((loop_time() - began_at) * 1000)
