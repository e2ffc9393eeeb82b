"""Opens the WebSocket of a Live session: a new one, a sideband of one that runs, or a fork of a stored one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct

from duologue.client.asyncio.loop_lag import watched_loop
from duologue.client.auth import Credentials, credentials_for, usual_auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.live.connection import LiveConnection
from duologue.client.live.urls import attach_url, fork_url, live_dialect, primary_url
from duologue.client.logs.connection_log import log_refused
from duologue.clock import loop_time
from duologue.dialects import DEFAULT_LIVE_DIALECT, LIVE_PROFILES
from duologue.errors import ConnectFailed
from duologue.transports.addresses import without_secrets

__all__ = ["LiveTarget", "OpenLive", "dialect_of", "open_live"]


class LiveTarget(Struct, frozen=True, kw_only=True):
    """What a WebSocket is opened for: a session of its own, or one that has an id."""

    kind: Literal["start", "attach", "fork"] = "start"
    session_id: str = ""
    """Of the session that is attached to, or forked."""
    graceful_close: bool = False
    """Of a sideband: ask for a closing handshake when the session ends."""
    dialect: str = DEFAULT_LIVE_DIALECT
    """The name of the vendor's profile."""


OpenLive: TypeAlias = Callable[[LiveTarget], AbstractAsyncContextManager[LiveConnection]]
"""Opens a WebSocket for the length of a block."""


def dialect_of(endpoint: Endpoint) -> str:
    """The dialect that an endpoint names, or that its URL shows.

    Raises:
        ValueError: there is no such dialect of Live.
        ConnectFailed: the URL is not one.
    """
    if endpoint.dialect == AUTO:
        return (
            live_dialect(endpoint.url, secure=endpoint.socket.ssl is not None) if endpoint.url else DEFAULT_LIVE_DIALECT
        )
    if endpoint.dialect not in LIVE_PROFILES:
        raise ValueError(f"no dialect {endpoint.dialect!r} of Live; known: {AUTO}, {', '.join(LIVE_PROFILES)}")
    return endpoint.dialect


@asynccontextmanager
async def open_live(endpoint: Endpoint, target: LiveTarget) -> AsyncGenerator[LiveConnection, None]:
    """Open a WebSocket to an endpoint for the length of a block.

    Raises:
        ConnectFailed: it could not be opened; `.retryable` says whether another try can help.
        AuthenticationFailed, ModelNotFound: kinds of ConnectFailed, where the handshake already shows them.
    """
    # Imported here: a client over another transport does without the WebSocket library.
    from duologue.transports.websocket import open_websocket

    dialect = target.dialect
    url = _url(endpoint, target, dialect)
    credentials = _credentials(endpoint, url, dialect)
    place = without_secrets(url)
    began_at = loop_time()
    try:
        transport = await open_websocket(
            _with_query(url, {**endpoint.query, **credentials.query}),
            headers=credentials.headers,
            subprotocols=credentials.subprotocols,
            options=endpoint.socket,
        )
    except ConnectFailed as fault:
        log_refused(place, fault, connecting_s=loop_time() - began_at)
        # What it went through on the way up says nothing to the caller.
        raise fault.with_traceback(None) from None
    connection = LiveConnection(transport, place=place, dialect=dialect)
    connection.log.opened(dialect, connecting_s=loop_time() - began_at)
    with watched_loop(late_ms=endpoint.loop_lag_ms) if endpoint.loop_lag_ms is not None else nullcontext():
        try:
            yield connection
        finally:
            await connection.close()


def _url(endpoint: Endpoint, target: LiveTarget, dialect: str) -> str:
    secure = endpoint.socket.ssl is not None
    match target.kind:
        case "start":
            return primary_url(endpoint.url, dialect=dialect, model=endpoint.model, secure=secure)
        case "attach":
            graceful = target.graceful_close
            return attach_url(endpoint.url, target.session_id, graceful_close=graceful, dialect=dialect, secure=secure)
        case "fork":
            return fork_url(endpoint.url, target.session_id, dialect=dialect, secure=secure)


def _credentials(endpoint: Endpoint, url: str, dialect: str) -> Credentials:
    key = Credentials()
    if endpoint.api_key is not None:
        auth = endpoint.auth or usual_auth(dialect, url, endpoint.api_key)
        key = credentials_for(endpoint.api_key, auth, dialect=dialect)
    own = {name.lower() for name in endpoint.headers}
    kept = {name: value for name, value in key.headers.items() if name.lower() not in own}
    return Credentials(headers={**kept, **endpoint.headers}, query=key.query, subprotocols=key.subprotocols)


def _with_query(url: str, added: dict[str, str]) -> str:
    if not added:
        return url
    parts = urlsplit(url)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query, keep_blank_values=True)), **added})).geturl()
