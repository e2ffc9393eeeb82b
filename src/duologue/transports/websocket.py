"""A WebSocket as a transport, over the `websockets` library: opened here, or accepted by a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed as WebSocketClosed

from duologue.errors import ConnectionClosed
from duologue.protocol.liveness import LivenessLimits
from duologue.transports.handshakes import (
    check_handshake,
    close_of,
    handshake_faults,
    library_options,
    limits_of,
    redirect_of,
)
from duologue.transports.liveness import Lifeline
from duologue.transports.socket_options import SocketOptions

__all__ = ["WebSocketTransport", "open_websocket"]

_CLOSE_TIMEOUT_S: Final = 3
"""How long to wait for the peer's closing frame: a peer that is there answers within a round trip."""

_STANDARD: Final = SocketOptions()


class WebSocketTransport:
    """An open WebSocket. With `limits` its silence is watched, from the first `receive` on."""

    def __init__(self, socket: Connection, *, limits: LivenessLimits | None = None) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._largest_sent_bytes = 0
        self._lifeline: Lifeline | None = None
        self._watching: asyncio.Task[None] | None = None
        if limits is not None:
            self._lifeline = Lifeline(socket, limits)
            self._watching = asyncio.ensure_future(self._lifeline.watch())  # noqa: TID251 - `close` ends it

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the socket's buffer is full."""
        self._largest_sent_bytes = max(self._largest_sent_bytes, len(message))
        try:
            await self._socket.send(message)
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        lifeline = self._lifeline
        try:
            if lifeline is None:
                return await self._socket.recv()
            lifeline.silent_since_s = self._loop.time()
            try:
                return await self._socket.recv()
            finally:
                lifeline.silent_since_s = None
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, waiting a few seconds at most for the peer to agree. Reasons are cut to what a frame can hold."""
        # 125 bytes of a control frame, less the two of the code.
        short = reason.encode()[:123].decode(errors="ignore")
        if self._watching is not None:
            self._watching.cancel()
        try:
            # The library bounds the wait for the peer's frame, but not the one for a buffer that nobody empties.
            async with asyncio.timeout(_CLOSE_TIMEOUT_S + 1):
                await self._socket.close(code, short)
        except TimeoutError:
            self._socket.transport.abort()
        if self._watching is not None:
            await asyncio.gather(self._watching, return_exceptions=True)

    def _closed(self, fault: WebSocketClosed) -> ConnectionClosed:
        verdict = self._lifeline.verdict if self._lifeline is not None else None
        return close_of(fault, largest_sent_bytes=self._largest_sent_bytes, verdict=verdict)


async def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    options: SocketOptions = _STANDARD,
    open_timeout: float | None = None,
) -> WebSocketTransport:
    """Open a WebSocket. `open_timeout` goes before the one in `options`.

    Cancelling is safe. Headers, sub-protocols, the query and passwords appear in no message of any exception, and
    nothing of a handshake is logged. Redirects are followed within the URL's own origin, and refused to any other.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    check_handshake(headers or {}, subprotocols)
    if open_timeout is not None:
        options = msgspec.structs.replace(options, open_timeout=open_timeout)
    with handshake_faults(url, subprotocols, options):
        socket = await _Connecting(
            url, close_timeout=_CLOSE_TIMEOUT_S, **library_options(url, headers or {}, subprotocols, options)
        )
    return WebSocketTransport(socket, limits=limits_of(options))


class _Connecting(websockets_connect):
    """The library's way to connect, but for redirects: it would take a key along in its query and most headers."""

    followed = 0

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The URL to go on with, or the exception to end with."""
        target = redirect_of(exc, self.uri, followed=self.followed)
        self.followed += 1
        return exc if target is None else target
