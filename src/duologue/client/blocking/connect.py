"""Opens sessions for threads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Unpack

from msgspec.structs import replace

from duologue.client.asyncio.connect import connect as connect_on_loop
from duologue.client.asyncio.connection import Connection
from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.blocking.received import Received
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_options import EndpointParts, endpoint_from
from duologue.transports import Transport

__all__ = ["connect", "unwatched"]


@contextmanager
def connect(
    url: str | Endpoint = "", *, transport: Transport | None = None, **parts: Unpack[EndpointParts]
) -> Generator[BlockingConnection, None, None]:
    """A session with the realtime server at `url`, for the length of a `with` block.

    What the parts mean is said at `Endpoint` and `SocketOptions`; an `Endpoint` may be given in their place. With a
    `transport` (an end of `blocking_memory_pair()` or `memory_pair()`, a recorder) that is used, on the event loop of
    the connection's thread, and nothing is opened. Leaving the block sends what is waiting, closes, and leaves no
    thread behind; if it is left by an exception, nothing more is sent.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
        ValueError: there is no such dialect.
        TypeError: an `Endpoint` and some of its parts, or a part that there is not.
    """
    endpoint = unwatched(endpoint_from(url, parts))
    received = Received()
    loop = LoopThread(partial(_delivering, endpoint, transport, received))
    try:
        yield BlockingConnection(loop.open(), received, loop)
        loop.close()
    finally:
        try:
            loop.close(at_once=True)
        finally:
            # Ctrl-C may have come before the first one had begun.
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


def unwatched(endpoint: Endpoint) -> Endpoint:
    """The same without a watchdog: the program does not run on this event loop, and may block."""
    return replace(endpoint, loop_lag_ms=None)
