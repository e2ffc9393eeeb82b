"""Opens sessions for threads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from duologue.client.asyncio.connect import connect as connect_on_loop
from duologue.client.asyncio.connection import Connection
from duologue.client.auth import Auth
from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.blocking.received import Received
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint, TransportName
from duologue.client.endpoint_options import endpoint_from
from duologue.transports import Transport
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["connect", "without_watchdog"]


@contextmanager
def connect(
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
    transport: Transport | TransportName | None = None,
) -> Generator[BlockingConnection, None, None]:
    """A session with the realtime server at `url`, for the length of a `with` block.

    The keywords are those of `duologue.connect`, without `loop_lag_ms`: the program does not run on the connection's
    event loop, so it cannot block it. A `transport` (an end of `blocking_memory_pair()` or `memory_pair()`, a recorder)
    runs on the event loop of the connection's thread. Leaving the block sends what is waiting, closes, and leaves no
    thread behind; if an exception leaves it, nothing more is sent.

    Raises:
        ConnectFailed: the connection could not be opened; `.retryable` says whether another try can help.
        ValueError: there is no such dialect.
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
    )
    received = Received()
    given = None if isinstance(transport, str) else transport
    loop = LoopThread(partial(_delivering, without_watchdog(endpoint), given, received))
    try:
        yield BlockingConnection(loop.open(), received, loop)
        loop.close()
    finally:
        try:
            loop.close(at_once=True)
        finally:
            # Again: Ctrl-C may have interrupted the first call before it began.
            loop.close(at_once=True)


@asynccontextmanager
async def _delivering(
    endpoint: Endpoint, transport: Transport | None, received: Received
) -> AsyncGenerator[Connection, None]:
    try:
        async with connect_on_loop(endpoint, transport=transport) as connection:
            connection.deliver_to(received.put)
            yield connection
    finally:
        received.end()


def without_watchdog(endpoint: Endpoint) -> Endpoint:
    """The same endpoint for an event loop that the program does not run on, and so cannot block."""
    return replace(endpoint, loop_lag_ms=None)
