"""The server as an ASGI application: `GET /v1/realtime` is the WebSocket, `/healthz` says that it is up."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import parse_qs

import msgspec

from duologue.codec import encode
from duologue.dialects import PROFILES
from duologue.engines.registry import Engines, load_default
from duologue.errors import ConnectionClosed
from duologue.protocol import SessionDefaults
from duologue.protocol.refusals import Refusal
from duologue.server.accent import BETA, HOME, asks_for_beta
from duologue.server.relay import Relay
from duologue.server.session import ServerSession, new_id
from duologue.server.upstream import Upstream
from duologue.transports.asgi import ASGIReceive, ASGISend, ASGITransport, Scope

__all__ = ["PATH", "RealtimeApp", "app"]

_logger = logging.getLogger(__name__)

PATH: Final = "/v1/realtime"

_UNAUTHORISED: Final = 3000
"""Close code of a refused key; the HTTP handshake has succeeded by then, as it does at the hosted service."""

_WRONG_SHAPE: Final = 4000
"""Close code of a handshake that asks for what is not served."""

_SUBPROTOCOL: Final = "realtime"
_KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."
"""Browsers cannot send headers; they offer the key as a sub-protocol."""

_MakeEngines = Callable[[], AbstractAsyncContextManager[Engines]]


class RealtimeApp:
    """Serves any number of sessions, which share one set of engines and nothing else.

    `engines` is loaded when the application starts up and closed when it shuts down; by default these are the
    engines that come with the package. With an `api_key` only clients that present it are served.

    `dialect` is what clients are taken to speak, and are answered in. One that asks for the shape of the beta, by
    header or sub-protocol, is served in it, because nothing is gained by turning it away; `refuse_beta` has it turned
    away as the hosted service has done since May 2026.

    With an `upstream`, sessions are held there and only carried by this server: it loads no engines, and `defaults`
    are of no effect.
    """

    def __init__(
        self,
        *,
        engines: _MakeEngines = load_default,
        api_key: str | None = None,
        defaults: SessionDefaults | None = None,
        dialect: str = HOME,
        refuse_beta: bool = False,
        upstream: Upstream | None = None,
    ) -> None:
        """Raises ValueError if there is no such dialect."""
        if dialect not in PROFILES:
            raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
        self._dialect = dialect
        self._refuse_beta = refuse_beta
        self._upstream = upstream
        self._make_engines = engines
        self._api_key = api_key
        self._defaults = defaults or SessionDefaults()
        self._engines: Engines | None = None
        self._open = AsyncExitStack()

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        match scope["type"]:
            case "lifespan":
                await self._lifespan(receive, send)
            case "websocket" if scope["path"] == PATH:
                await self._serve(scope, receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": f"the path is {PATH}"})
            case _:
                await self._http(scope, send)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Load the engines for a block, for servers and mounts that know no lifespan."""
        if self._upstream is not None:
            yield
            return
        async with self._make_engines() as self._engines:
            yield
        self._engines = None

    async def _lifespan(self, receive: ASGIReceive, send: ASGISend) -> None:
        await receive()
        running = self.running()
        try:
            await running.__aenter__()
        except Exception as fault:
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await running.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        transport = ASGITransport(receive, send)
        offered: list[str] = scope.get("subprotocols") or []
        try:
            await transport.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered else None)
        except ConnectionClosed:
            _logger.info("a client went before its handshake was answered")
            return
        refusal = self._refusal(scope, offered)
        if refusal is not None:
            await _turn_away(transport, refusal, _UNAUTHORISED)
            return
        if (beta := asks_for_beta(_headers(scope), offered)) and self._refuse_beta:
            await _turn_away(transport, Refusal("beta_disabled"), _WRONG_SHAPE)
            return
        dialect = BETA if beta and self._dialect == HOME else self._dialect
        if self._upstream is not None:
            relay = Relay(transport, self._upstream, dialect=dialect, model=_model_of(scope), new_id=new_id)
            _logger.info("%s opened", relay.relay_id)
            await relay.run()
            _logger.info("%s closed", relay.relay_id)
            return
        assert self._engines is not None, "the ASGI server did not run the application's lifespan"
        session = ServerSession(transport, self._engines, self._session_defaults(scope, dialect), dialect=dialect)
        _logger.info("session %s opened", session.session_id)
        await session.run()
        _logger.info("session %s closed", session.session_id)

    def _session_defaults(self, scope: Scope, dialect: str) -> SessionDefaults:
        defaults = msgspec.structs.replace(self._defaults, model=_model_of(scope) or self._defaults.model)
        if dialect == HOME:
            return defaults
        profile = PROFILES[dialect]
        return msgspec.structs.replace(
            defaults,
            input_rates_hz=profile.input_rates_hz or defaults.input_rates_hz,
            output_rates_hz=profile.output_rates_hz or defaults.output_rates_hz,
        )

    def _refusal(self, scope: Scope, offered: list[str]) -> Refusal | None:
        if self._api_key is None:
            return None
        headers = _headers(scope)
        keys = [name.removeprefix(_KEY_SUBPROTOCOL) for name in offered if name.startswith(_KEY_SUBPROTOCOL)]
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            keys.append(bearer.strip())
        if "api-key" in headers:
            keys.append(headers["api-key"])
        if not keys:
            return Refusal("no_key")
        # In constant time, so that a wrong key says nothing about the right one.
        right = any(hmac.compare_digest(key.encode(), self._api_key.encode()) for key in keys)
        return None if right else Refusal("unauthorised")

    async def _http(self, scope: Scope, send: ASGISend) -> None:
        found = scope["path"] == "/healthz"
        body = b'{"status":"ok"}' if found else msgspec.json.encode({"error": f"the WebSocket is at {PATH}"})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _model_of(scope: Scope) -> str | None:
    """The model that the URL names."""
    query = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
    named = query.get("model")
    return named[0] if named else None


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _turn_away(transport: ASGITransport, refusal: Refusal, code: int) -> None:
    """Say why, and close."""
    event = refusal.event(new_id("event"), answers=None)
    reason = ".".join(part for part in (event.error.type, refusal.code) if part)
    try:
        await transport.send(encode(event).decode("utf-8"))
        await transport.close(code, reason)
    except ConnectionClosed:
        _logger.info("a client that was to be turned away went before it was told")


def app() -> RealtimeApp:
    """The application with everything at its default, for `uvicorn --factory duologue.server:app`."""
    return RealtimeApp()
