"""The steps over WebRTC: a call is created, looked at, connected and ended; and a page's question is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
from msgspec import Struct

from duologue.cli.doctor.candidates import judged_addresses
from duologue.cli.doctor.http import status_of
from duologue.cli.doctor.remedies import refusal_remedy
from duologue.cli.doctor.step_result import StepOutcome, StepResult
from duologue.cli.doctor.target import DoctorTarget
from duologue.clock import loop_time
from duologue.codec.jsontext import parse_object
from duologue.errors import AuthenticationFailed, ConnectionClosed, DecodeError, ModelNotFound
from duologue.printable import printable_name
from duologue.transports.addresses import is_loopback, origin_of, without_secrets
from duologue.transports.http_answers import HttpAnswer, refusal, server_words
from duologue.transports.http_exchange import exchange
from duologue.transports.webrtc.candidates import candidates_in, has_stream
from duologue.transports.webrtc.peer import InvalidOffer, Peer, PeerSettings, Stack

__all__ = ["INSTALL", "CreatedCall", "calls_step", "candidates_step", "end_call", "page_step", "udp_step"]

INSTALL: Final = "install a WebRTC stack here: pip install 'duologue[webrtc]'"

_NO_OFFER: Final = "v=0\r\n"
"""An offer without anything, where there is no stack to make one: servers with WebRTC refuse it as invalid."""

_BOUNDARY: Final = "duologue-doctor-7d1f"
_MEDIA_HEADERS: Final = "authorization, content-type, x-openai-agents-sdk"
"""Those that the official package for browsers sends."""

_ABSENT: Final = frozenset({404, 405, 410, 426})

_UDP_REMEDY: Final = (
    "let UDP through to the server's ports (duologue serve --udp-ports 40000-40100), in firewalls and in Docker"
    " (-p 40000-40100:40000-40100/udp), and name the address that clients reach (--public-address). Until then use the"
    " WebSocket"
)

_END_S: Final = 2.0
"""For ending a call that was only tried; the server ends it by itself when nothing connects."""


class CreatedCall(Struct):
    """A call that the server has created. Its peer must be closed."""

    peer: Peer
    answer: str
    url: str | None
    """Where it can be ended; None: the server did not say."""


async def calls_step(target: DoctorTarget, stack: Stack | None) -> tuple[StepResult, CreatedCall | None]:
    """Create a call, with an offer of this machine's stack. Raises ConnectFailed if the server cannot be reached."""
    peer = stack.new_peer(PeerSettings()) if stack is not None else None
    tried = f"POST {without_secrets(target.calls_url)} with " + (
        "an SDP offer" if peer is not None else "an empty offer"
    )
    created: CreatedCall | None = None
    try:
        offer = await peer.offer() if peer is not None else _NO_OFFER
        headers, body = _request(offer, target)
        credentials = target.endpoint.credentials()
        url = target.calls_url + (f"?{urlencode(credentials.query)}" if credentials.query else "")
        began_at = loop_time()
        answer = await exchange(
            url, method="POST", headers={**credentials.headers, **headers}, body=body, proxy=target.proxy
        )
        row = _judged(target, answer, tried, round((loop_time() - began_at) * 1000), offered=peer is not None)
        sdp = answer.body.decode("utf-8", "replace")
        if peer is not None and answer.status in (200, 201) and sdp.startswith("v=0"):
            created = CreatedCall(peer, sdp, _location(target, answer))
        return row, created
    finally:
        if peer is not None and created is None:
            await peer.close()


def candidates_step(call: CreatedCall, *, reached: str | None) -> StepResult:
    """Look at the addresses in the answer."""
    found = candidates_in(call.answer)
    verdict = judged_addresses(found, reached=reached)
    facts = {"candidates": [msgspec.to_builtins(each) for each in found]}
    return StepResult(
        step="candidates",
        outcome="note" if verdict.remedy else "ok",
        tried="read the addresses in the answer",
        happened=verdict.happened,
        remedy=verdict.remedy,
        facts=facts,
    )


async def udp_step(call: CreatedCall, *, within_s: float) -> StepResult:
    """Connect the call, and wait for the first event on its data channel."""
    tried, began_at = "connect, and wait for the first event on the data channel", loop_time()

    def row(
        outcome: StepOutcome, happened: str, remedy: str = "", facts: Mapping[str, object] | None = None
    ) -> StepResult:
        return StepResult(step="udp", outcome=outcome, tried=tried, happened=happened, remedy=remedy, facts=facts or {})

    try:
        async with asyncio.timeout(within_s):
            await call.peer.connect(call.answer)
            frame = await call.peer.receive()
    except InvalidOffer as fault:
        return row("failed", f"the answer cannot be used: {fault}", "have the server answer with a whole SDP")
    except TimeoutError:
        return row("failed", f"no connection within {within_s:g} s", _UDP_REMEDY)
    except ConnectionClosed as closed:
        return row("failed", f"the call ended before its first event: code {closed.code}", _UDP_REMEDY)
    took_ms = round((loop_time() - began_at) * 1000)
    figures = await call.peer.figures()
    with suppress(DecodeError):
        type = printable_name(str(parse_object(frame).get("type", "")))
        round_trip = figures.round_trip_ms
        facts = {"type": type, "after_ms": took_ms, "round_trip_ms": round_trip}
        way = f", a round trip takes {round_trip:.0f} ms" if round_trip is not None else ""
        return row("ok", f"{type} came after {took_ms} ms{way}", facts=facts)
    return row("failed", "connected, and what came is no event", "look at the server: its data channel carries no JSON")


async def page_step(target: DoctorTarget) -> StepResult:
    """Ask as a browser asks for a page of another origin, before it posts."""
    usual = "http://localhost:3000" if is_loopback(target.session_url) else "https://page.example"
    origin = target.origin or usual
    tried = f"OPTIONS {without_secrets(target.calls_url)} for a page of {origin}"
    answer = await exchange(
        target.calls_url,
        method="OPTIONS",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": _MEDIA_HEADERS,
        },
        proxy=target.proxy,
    )
    allowed = answer.headers.get("access-control-allow-origin", "")
    names = {each.strip().lower() for each in answer.headers.get("access-control-allow-headers", "").split(",")}
    missing = [each for each in _MEDIA_HEADERS.split(", ") if each not in names and "*" not in names]
    if "authorization" not in names and "authorization" not in missing:
        missing.append(
            "authorization"
        )  # `*` does not stand for it: https://fetch.spec.whatwg.org/#http-access-control-allow-headers
    facts = {"status": answer.status, "allow_origin": allowed, "missing_headers": missing}

    def row(outcome: StepOutcome, happened: str, remedy: str = "") -> StepResult:
        return StepResult(step="page", outcome=outcome, tried=tried, happened=happened, remedy=remedy, facts=facts)

    if not 200 <= answer.status < 300 or allowed not in ("*", origin):
        remedy = f"if pages of this origin are to call, allow it: duologue serve --allow-origin {origin}"
        return row("note", f"{status_of(answer)}; pages of this origin may not call", remedy)
    if missing:
        return row("note", f"the headers {', '.join(missing)} are not allowed", "have the server allow these headers")
    return row("ok", "pages of this origin may call")


async def end_call(target: DoctorTarget, call: CreatedCall) -> None:
    """Close the peer, and tell the server that the call is over. Takes seconds at most."""
    await call.peer.close()
    if call.url is None:
        return
    with suppress(Exception):  # the server ends a call by itself that never connects
        async with asyncio.timeout(_END_S):
            headers = target.endpoint.credentials().headers
            await exchange(f"{call.url}/hangup", method="POST", headers=headers, proxy=target.proxy)


def _request(offer: str, target: DoctorTarget) -> tuple[dict[str, str], bytes]:
    """Headers and body: the bare offer, or with the session if a model is named."""
    model = target.endpoint.session_model
    if model is None:
        return {"Content-Type": "application/sdp"}, offer.encode()
    session = msgspec.json.encode({"type": "realtime", "model": model}).decode()
    parts = {"sdp": ("application/sdp", offer), "session": ("application/json", session)}
    body = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n{text}\r\n'
        for name, (kind, text) in parts.items()
    )
    return {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}, f"{body}--{_BOUNDARY}--\r\n".encode()


def _judged(target: DoctorTarget, answer: HttpAnswer, tried: str, took_ms: int, *, offered: bool) -> StepResult:
    code, words = server_words(answer)
    facts = {"status": answer.status, "code": code, "location": answer.headers.get("location", "")}
    said = f"{status_of(answer)}" + (f"; it says: {words}" if words else "")

    def row(outcome: StepOutcome, happened: str, remedy: str = "") -> StepResult:
        return StepResult(step="calls", outcome=outcome, tried=tried, happened=happened, remedy=remedy, facts=facts)

    expected: StepOutcome = "failed" if target.named == "webrtc" else "skipped"
    if 200 <= answer.status < 300:
        return _judged_answer(target, answer, took_ms, row)
    if answer.status == 501:
        return row(expected, said, "at the server: pip install 'duologue[webrtc]'" if "duologue[" in words else "")
    if answer.status in _ABSENT and code != "call_id_not_found":
        remedy = "check the path: calls are usually created at /v1/realtime/calls" if expected == "failed" else ""
        return row(expected, f"the server has no WebRTC here (HTTP {answer.status})", remedy)
    if answer.status == 400 and not offered:
        return row("ok", "the server has WebRTC: it refuses the empty offer, as it should")
    if answer.status == 415:
        return row("failed", said, "have the server take application/sdp: this is what browsers' clients send")
    fault = refusal(target.calls_url, answer, mask=target.mask, has_key=target.endpoint.api_key is not None)
    if isinstance(fault, AuthenticationFailed | ModelNotFound) or answer.status != 400:
        return row("failed", said, refusal_remedy(fault, target))
    return row("failed", said, "name a model: --model NAME; or look at the server's log: it refuses this offer")


def _judged_answer(
    target: DoctorTarget, answer: HttpAnswer, took_ms: int, row: Callable[..., StepResult]
) -> StepResult:
    sdp = answer.body.decode("utf-8", "replace")
    if not sdp.startswith("v=0"):
        kind = printable_name(answer.headers.get("content-type", "no content type"))
        remedy = "have the server answer with application/sdp: official clients cannot read anything else"
        return row("failed", f"{status_of(answer)} with {kind} and no SDP", remedy)
    happened = f"{status_of(answer)} after {took_ms} ms"
    if not has_stream(sdp):
        remedy = "have the server name a stream in a=msid: pages that play event.streams[0] stay silent without one"
        return row("note", f"{happened}; the sound belongs to no stream", remedy)
    if "location" not in answer.headers:
        remedy = "have the server name the call in Location: without it there is no sideband and no hangup"
        return row("note", f"{happened}; the answer does not name the call", remedy)
    exposed = answer.headers.get("access-control-expose-headers", "").lower()
    if target.origin is not None and "location" not in exposed:
        remedy = "have the server expose it: Access-Control-Expose-Headers: Location"
        return row("note", f"{happened}; pages cannot read Location", remedy)
    return row("ok", happened)


def _location(target: DoctorTarget, answer: HttpAnswer) -> str | None:
    """The URL of the call; None if it leads elsewhere: the key would go along."""
    location = answer.headers.get("location")
    if location is None:
        return None
    try:
        url = urljoin(target.calls_url, location)
        return url if origin_of(url) == origin_of(target.calls_url) and urlsplit(url).path != "/" else None
    except ValueError:
        return None
