"""Opens sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from duologue.client.asyncio.connection import Connection
from duologue.client.asyncio.loop_lag import watched_loop
from duologue.client.auth import Auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint, TransportName
from duologue.client.endpoint_options import endpoint_from, require_url
from duologue.client.logs.connection_log import log_model_to_configure, log_refused
from duologue.client.session_urls import check_no_live_url
from duologue.clock import loop_time
from duologue.errors import ConnectFailed
from duologue.transports import Transport
from duologue.transports.addresses import without_secrets
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["connect", "open_endpoint"]

_NOT_FOUND: Final = 404
_CALL_KNOWN_AFTER_S: Final = (0.25, 0.5, 1.0)
"""Waits before another try to join a call that a server does not know: some do not at once after they have made it."""


@asynccontextmanager
async def connect(
    url: str | Endpoint = "",
    *,
    model: str | None = None,
    api_key: str | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    call_id: str | None = None,
    intent: str | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    loop_lag_ms: int | None = None,
    transport: Transport | TransportName | None = None,
) -> AsyncGenerator[Connection, None]:
    """A session with the realtime server at `url`, for the length of an `async with` block.

    `Endpoint` and `SocketOptions` document the keywords; an `Endpoint` may be given in their place. `open_timeout`,
    `ping_interval` and `ping_timeout` are in seconds. `transport="webrtc"` makes a call (docs/howto/connect.md). A
    `Transport` (an end of `memory_pair()`, a recorder) is used as it is, and nothing is opened. Leaving the block sends
    what is waiting, closes, and leaves no task behind; if an exception leaves it, nothing more is sent. Of a session
    with `intent="transcription"` the `model` is not in the URL, where the hosted service refuses it: configure
    `audio.input.transcription`, as `converse` does.

    >>> import asyncio
    >>> from duologue.events import ResponseCreateEvent, ResponseDoneEvent
    >>> async def main() -> None:
    ...     async with connect(url) as connection:
    ...         await connection.send(ResponseCreateEvent())
    ...         async for event in connection:
    ...             if isinstance(event, ResponseDoneEvent):
    ...                 print(event.response.status)
    ...                 break
    >>> asyncio.run(main())
    completed

    Raises:
        ConnectFailed: the connection could not be opened; `.retryable` says whether another try can help.
        AuthenticationFailed, ModelNotFound: kinds of ConnectFailed, where the handshake already shows them.
        MissingExtra: a call needs the extra `webrtc`.
        ValueError: there is no such dialect or transport.
        TypeError: neither a URL nor a `transport`, or an `Endpoint` and another keyword of its parts.
    """
    endpoint = endpoint_from(
        url,
        model=model,
        api_key=api_key,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        call_id=call_id,
        intent=intent,
        transport=transport if isinstance(transport, str) else None,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        loop_lag_ms=loop_lag_ms,
    )
    detector = endpoint.dialect_detector()
    place = without_secrets(endpoint.session_url()) if endpoint.url.strip() else None
    began_at = loop_time()
    if transport is None or isinstance(transport, str):
        require_url(endpoint, function="connect", instead="transport")
        check_no_live_url(endpoint.session_url())
        try:
            transport = await open_endpoint(endpoint)
        except ConnectFailed as fault:
            log_refused(str(place), fault, connecting_s=loop_time() - began_at)
            # What it went through on the way up says nothing to the caller.
            raise fault.with_traceback(None) from None
    call_id = endpoint.call_id or getattr(transport, "call_id", None)
    connection = Connection(transport, detector=detector, place=place, model=endpoint.session_model, call_id=call_id)
    connection._log.opened(connection.dialect, connecting_s=loop_time() - began_at)
    if place is not None and not endpoint.is_call and (model := endpoint.transcription_model) is not None:
        log_model_to_configure(place, model)
    with watched_loop(late_ms=endpoint.loop_lag_ms) if endpoint.loop_lag_ms is not None else nullcontext():
        connection.start()
        try:
            yield connection
            await connection.close()
        finally:
            await connection.stop()


async def open_endpoint(endpoint: Endpoint) -> Transport:
    """A WebSocket or a call to this endpoint, for callers that wrap it before they pass it to `connect`.

    Cancelling is safe. A call that is to be joined, and that the server does not know, is asked for again for two
    seconds.

    Raises:
        ConnectFailed: the connection could not be opened; `.retryable` says whether another try can help.
        MissingExtra: a call needs the extra `webrtc`.
    """
    if endpoint.is_call:
        from duologue.transports.webrtc.call_opening import open_call

        shown = endpoint.credentials()
        return await open_call(
            endpoint.session_url(shown),
            headers=shown.headers,
            session=endpoint.call_session,
            options=endpoint.socket,
            has_key=endpoint.api_key is not None,
        )
    # Imported here: a client over another transport does without the WebSocket library.
    from duologue.transports.websocket import open_websocket

    credentials = endpoint.credentials()
    waits = iter(_CALL_KNOWN_AFTER_S if endpoint.call_id is not None else ())
    while True:
        try:
            return await open_websocket(
                endpoint.session_url(credentials),
                headers=credentials.headers,
                subprotocols=credentials.subprotocols,
                options=endpoint.socket,
            )
        except ConnectFailed as fault:
            if fault.status != _NOT_FOUND or (wait := next(waits, None)) is None:
                raise
            await asyncio.sleep(wait)
