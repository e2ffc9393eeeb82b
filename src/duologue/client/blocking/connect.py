"""Opens sessions for threads."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Unpack

from duologue.client.blocking.connection import BlockingConnection
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_parts import EndpointParts, endpoint_from
from duologue.codec import known
from duologue.transports.blocking import BlockingTransport

__all__ = ["connect", "open_blocking_endpoint"]


@contextmanager
def connect(
    url: str | Endpoint = "", *, transport: BlockingTransport | None = None, **parts: Unpack[EndpointParts]
) -> Generator[BlockingConnection, None, None]:
    """A session with the realtime server at `url`, for the length of a `with` block.

    What the parts mean is said at `Endpoint` and `SocketOptions`; an `Endpoint` may be given in their place. With a
    `transport` (an end of `blocking_memory_pair()`) that is used and nothing is opened. Leaving the block sends what
    is waiting, closes, and leaves no thread behind; if it is left by an exception, nothing more is sent.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
        ValueError: there is no such dialect.
        TypeError: an `Endpoint` and some of its parts, or a part that there is not.
    """
    endpoint = endpoint_from(url, parts)
    accent = endpoint.accent()
    _prepare()
    if transport is None:
        transport = open_blocking_endpoint(endpoint)
    connection = BlockingConnection(transport, accent=accent)
    try:
        connection.start()
        yield connection
        connection.close()
    finally:
        connection.stop()


def open_blocking_endpoint(endpoint: Endpoint) -> BlockingTransport:
    """A WebSocket to this place, for whoever wraps it before a session is held over it.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    # Here, because a client over another transport does without the WebSocket library.
    from duologue.transports.blocking_websocket import open_blocking_websocket

    credentials = endpoint.credentials()
    return open_blocking_websocket(
        endpoint.session_url(credentials),
        headers=credentials.headers,
        subprotocols=credentials.subprotocols,
        options=endpoint.socket,
    )


def _prepare() -> None:
    """Have the codec ready for the first event. Not in this thread, where Ctrl-C could be lost meanwhile."""
    preparing = threading.Thread(target=known.prepare, name="duologue-codec", daemon=True)
    preparing.start()
    preparing.join()
