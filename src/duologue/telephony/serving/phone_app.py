"""The paths of telephone calls, as an ASGI application: `/phone/NAME` is a network's socket, `/phone/NAME/answer` the
page that answers its calls."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from duologue.clock import unix_time
from duologue.codec.jsontext import write_text
from duologue.errors import ConnectionClosed, SignatureRejected
from duologue.server.http.admission import peer_of
from duologue.server.http.handshakes import send_refusal
from duologue.server.http.paths import path_of, right_path
from duologue.server.rejections import Rejection
from duologue.server.telemetry.log import log_event
from duologue.telephony.serving.answer_pages import AnswerPage, CallStream
from duologue.telephony.serving.authentication import NetworkAuthentication, NoAuthentication
from duologue.telephony.serving.networks import NETWORKS
from duologue.telephony.serving.phone_requests import MAX_BODY_BYTES, PhoneRequest
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.transports.addresses import is_loopback
from duologue.transports.asgi import ADMISSION, ASGIReceive, ASGISend, ASGITransport, Scope

__all__ = ["PHONE_PATH", "PhoneApp"]

PHONE_PATH: Final = "phone"
"""The first part of the paths."""

_PATH: Final = re.compile(rf"/{PHONE_PATH}/(?P<network>[a-z-]{{1,40}})(?:/(?P<rest>[^/]{{0,200}}))?")

_ANSWER: Final = "answer"


class _Asked(NamedTuple):
    network: str
    authentication: NetworkAuthentication
    rest: str | None
    """Behind the network's name and a slash; None: there is no slash."""


class PhoneApp:
    """Takes calls of the networks that have an authentication here, and of no others."""

    def __init__(
        self,
        sessions: PhoneSessions,
        authentications: Mapping[str, NetworkAuthentication],
        *,
        public_url: str | None = None,
    ) -> None:
        """`public_url` is what carriers are given, `https://host`, with the path of a mount; by default the URL is
        made of the request's host, which is not to be trusted: authentications that check URLs need the public one."""
        self._sessions = sessions
        self._authentications = dict(authentications)
        self._public_url = public_url.rstrip("/") if public_url else None

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point, of requests and of sockets."""
        asked = self._asked(scope)
        if scope["type"] == "websocket":
            await self._serve_socket(asked, scope, receive, send)
            return
        try:
            page = await self._answer(asked, scope, receive)
        except Rejection as rejection:
            await _respond(send, rejection.http_status, AnswerPage("application/json", write_text(rejection.body())))
        else:
            await _respond(send, 200, page)

    def _asked(self, scope: Scope) -> _Asked | None:
        match = _PATH.fullmatch(path_of(scope))
        if match is None or (authentication := self._authentications.get(match["network"])) is None:
            return None
        return _Asked(match["network"], authentication, match["rest"])

    # --- answer pages

    async def _answer(self, asked: _Asked | None, scope: Scope, receive: ASGIReceive) -> AnswerPage:
        """The page. Raises Rejection."""
        if asked is None or asked.rest != _ANSWER or (write := NETWORKS[asked.network].answer) is None:
            raise Rejection("wrong_path", method=scope["method"], path=scope["path"], websocket=_places(asked, scope))
        if scope["method"] not in ("GET", "POST"):
            raise Rejection("wrong_method", method=scope["method"], path=scope["path"])
        body = await _read_body(receive)
        url = f"{self._url(asked.network, scope, secure='https', plain='http')}/{_ANSWER}"
        request = PhoneRequest(
            method=scope["method"],
            url=url + _query(scope),
            headers=_headers(scope),
            body=body,
            now_unix_s=unix_time(),
        )
        try:
            asked.authentication.check_answer(request)
        except SignatureRejected as fault:
            raise await self._unsigned(asked.network, scope, fault) from fault
        return write(self._stream(asked, request, scope))

    def _stream(self, asked: _Asked, request: PhoneRequest, scope: Scope) -> CallStream | None:
        try:
            self._sessions.check_room(asked.network)
        except Rejection as rejection:
            self._sessions.turned_away(rejection, asked.network, address=peer_of(scope))
            return None
        network = NETWORKS[asked.network]
        return CallStream(
            url=self._url(asked.network, scope, secure="wss", plain="ws"),
            ticket=asked.authentication.ticket(request.now_unix_s),
            caller=request.fields.get(network.caller, ""),
            called=request.fields.get(network.called, ""),
        )

    # --- sockets

    async def _serve_socket(self, asked: _Asked | None, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Serve a call. One that is not let in gets an HTTP status, and nothing is made for it."""
        try:
            if asked is None:
                raise Rejection("wrong_path", method="GET", path=scope["path"], websocket=right_path(scope))
            await self._check_socket(asked, scope)
            address = peer_of(scope)
            async with self._sessions.place(asked.network, address=address) as place:
                codec = NETWORKS[asked.network].codec()
                transport = ASGITransport(receive, send)
                offered = scope.get("subprotocols") or ()
                subprotocol = codec.traits.subprotocol
                try:
                    await transport.accept(subprotocol if subprotocol in offered else None)
                    if ADMISSION in (scope.get("extensions") or {}):
                        await transport.admit(place.owner)
                except ConnectionClosed:
                    log_event(logging.INFO, "carrier gone before its handshake", owner=place.owner)
                    return
                await place.serve(transport, codec)
        except Rejection as rejection:
            await receive()
            await send_refusal(rejection, scope, send)

    async def _check_socket(self, asked: _Asked, scope: Scope) -> None:
        """Raise Rejection if it is not the network that opens this socket."""
        if isinstance(asked.authentication, NoAuthentication):
            await self._check_page(asked, scope)
        if asked.rest == "":
            raise await self._unsigned(asked.network, scope, SignatureRejected("the path ends with a slash"))
        request = PhoneRequest(
            url=self._url(asked.network, scope, secure="wss", plain="ws") + _query(scope),
            headers=_headers(scope),
            ticket=asked.rest or "",
            now_unix_s=unix_time(),
        )
        try:
            asked.authentication.check_socket(request)
        except SignatureRejected as fault:
            raise await self._unsigned(asked.network, scope, fault) from fault

    async def _check_page(self, asked: _Asked, scope: Scope) -> None:
        """Raise Rejection for a page of another machine: browsers send its origin, and carriers none."""
        origin = _headers(scope).get("origin")
        if origin is not None and not is_loopback(origin):
            rejection = Rejection("origin")
            await self._sessions.reject(rejection, asked.network, scope)
            raise rejection

    async def _unsigned(self, network: str, scope: Scope, fault: SignatureRejected) -> Rejection:
        rejection = Rejection("unsigned_call")
        log_event(logging.INFO, "call not let in", network=network, reason=str(fault))
        await self._sessions.reject(rejection, network, scope)
        return rejection

    def _url(self, network: str, scope: Scope, *, secure: str, plain: str) -> str:
        """The URL of a network's socket, as the carrier knows it."""
        if self._public_url is not None:
            scheme = secure if urlsplit(self._public_url).scheme in ("https", "wss") else plain
            return f"{scheme}://{self._public_url.partition('://')[2]}/{PHONE_PATH}/{network}"
        scheme = secure if scope.get("scheme") in ("https", "wss") else plain
        host = _headers(scope).get("host", "localhost")
        return f"{scheme}://{host}{scope.get('root_path', '')}/{PHONE_PATH}/{network}"


def _headers(scope: Scope) -> dict[str, str]:
    """By name; of several of one name the last, so that what is checked is one value."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _query(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return f"?{query}" if query else ""


def _places(asked: _Asked | None, scope: Scope) -> str:
    """Where the WebSocket is, and with it the answer page, for a request that came to neither."""
    if asked is None:
        return right_path(scope)
    socket = f"{scope.get('root_path', '')}/{PHONE_PATH}/{asked.network}"
    return socket if NETWORKS[asked.network].answer is None else f"{socket}, and the answer page at {socket}/{_ANSWER}"


async def _read_body(receive: ASGIReceive) -> bytes:
    """The request's body. Raises Rejection: it is too large."""
    content = bytearray()
    while True:
        message: Mapping[str, Any] = await receive()
        content += message.get("body") or b""
        if len(content) > MAX_BODY_BYTES:
            raise Rejection("too_large", max_bytes=MAX_BODY_BYTES)
        if not message.get("more_body"):
            return bytes(content)


async def _respond(send: ASGISend, status: int, page: AnswerPage) -> None:
    headers = [
        (b"content-type", page.content_type.encode("ascii")),
        (b"content-length", str(len(page.body)).encode("ascii")),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": page.body})
