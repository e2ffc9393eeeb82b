"""Opens sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from msgspec.structs import replace

from duologue.client.asyncio.connection import Connection
from duologue.client.asyncio.loop_lag import watched_loop
from duologue.client.auth import Auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint, session_url
from duologue.client.limits import LOOP_LAG_MS
from duologue.transports import Transport
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
    SocketOptions,
)

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["connect", "open_endpoint", "session_url"]


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
    loop_lag_ms: int | None = LOOP_LAG_MS,
    transport: Transport | None = None,
) -> AsyncGenerator[Connection, None]:
    """A session with the realtime server at `url`, for the length of an `async with` block.

    What the parts mean is said at `Endpoint` and `SocketOptions`; an `Endpoint` may be given in their place. With a
    `transport` (an end of `memory_pair()`, a recorder) that is used and nothing is opened. Leaving the block sends
    what is waiting, closes, and leaves no task behind; if it is left by an exception, nothing more is sent.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
        ValueError: there is no such dialect.
        TypeError: an `Endpoint` and some of its parts.
    """
    endpoint = Endpoint(
        model=model,
        api_key=api_key,
        dialect=dialect,
        auth=auth,
        headers=headers or {},
        query=query or {},
        call_id=call_id,
        intent=intent,
        socket=SocketOptions(
            ssl=ssl,
            proxy=proxy,
            max_message_bytes=max_message_bytes,
            open_timeout=open_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
        ),
        loop_lag_ms=loop_lag_ms,
    )
    if isinstance(url, Endpoint):
        if endpoint != Endpoint():
            raise TypeError("connect takes an Endpoint or its parts, not both; msgspec.structs.replace changes a part")
        endpoint = url
    else:
        endpoint = replace(endpoint, url=url)
    accent = endpoint.accent()
    if transport is None:
        transport = await open_endpoint(endpoint)
    connection = Connection(transport, accent=accent)
    with watched_loop(late_ms=endpoint.loop_lag_ms) if endpoint.loop_lag_ms is not None else nullcontext():
        connection.start()
        try:
            yield connection
            await connection.close()
        finally:
            await connection.stop()


async def open_endpoint(endpoint: Endpoint) -> Transport:
    """A WebSocket to this place, for whoever wraps it before a session is held over it. Cancelling is safe.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    # Here, because a client over another transport does without the WebSocket library.
    from duologue.transports.websocket import open_websocket

    credentials = endpoint.credentials()
    return await open_websocket(
        endpoint.session_url(credentials),
        headers=credentials.headers,
        subprotocols=credentials.subprotocols,
        options=endpoint.socket,
    )
