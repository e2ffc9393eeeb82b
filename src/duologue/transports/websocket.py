"""A WebSocket of the `websockets` library as a transport."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from secrets import token_bytes
from typing import Final

import msgspec
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed as WebSocketClosed
from websockets.exceptions import WebSocketException
from websockets.protocol import OPEN

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.protocol.liveness import LivenessLimits
from duologue.tracebacks import drop_traceback
from duologue.transports.handshake_failures import Handshake, handshake_failure
from duologue.transports.handshakes import (
    check_handshake,
    closed_error,
    library_options,
    liveness_limits,
    proxy_for,
    redirect_target,
)
from duologue.transports.library.names import is_sending
from duologue.transports.liveness import KeepAlive
from duologue.transports.socket_options import SocketOptions
from duologue.transports.trace_headers import with_trace

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the library has no compiled part
    from websockets.utils import apply_mask

__all__ = ["WebSocketTransport", "open_websocket"]

_CLOSE_TIMEOUT_S: Final = 3
"""How long to wait for the peer's close frame: a live peer answers within a round trip."""

_STANDARD: Final = SocketOptions()

_WHOLE_TEXT: Final = 0x81
"""The first byte of a text message of one frame."""
_MASKED: Final = 0x80
_SHORT: Final = 126
"""From here on the length stands in two more bytes; 127 says eight."""
_LONG: Final = 0x10000


class WebSocketTransport:
    """An open WebSocket. With `limits` the server's silence is watched, from the first `receive` on."""

    def __init__(self, socket: Connection, *, limits: LivenessLimits | None = None) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._largest_sent_bytes = 0
        self._keep_alive: KeepAlive | None = None
        self._watching: set[asyncio.Task[None]] = set()
        """The task, while it runs: afterwards its exception refers to the socket."""
        if limits is not None:
            self._keep_alive = KeepAlive(socket, limits)
            watching = asyncio.ensure_future(self._keep_alive.watch())  # noqa: TID251 - `close` ends it
            self._watching.add(watching)
            watching.add_done_callback(self._watching.discard)

    @property
    def subprotocol(self) -> str | None:
        """The sub-protocol that the server chose; None: none."""
        return self._socket.subprotocol

    async def ping(self) -> float:
        """Send a ping, and wait for the answer; returns how many seconds it took. Has no time limit.

        Raises:
            ConnectionClosed: the connection is over.
        """
        try:
            return float(await (await self._socket.ping()))
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the socket's buffer is full."""
        self._largest_sent_bytes = max(self._largest_sent_bytes, len(message))
        try:
            await self._socket.send(message)
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    def send_now(self, message: str, /) -> bool:
        """Hand over one text message at once, at a third of the cost of `send`.

        False where that would have to wait, or cannot be done: nothing was sent then, and `send` says why.
        """
        socket = self._socket
        if socket.protocol.state is not OPEN or socket.paused or is_sending(socket):
            return False
        text = message.encode()
        if len(text) > self._largest_sent_bytes:
            self._largest_sent_bytes = len(text)
        socket.transport.write(_frame_of(text))
        return True

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        keep_alive = self._keep_alive
        try:
            if keep_alive is None:
                return await self._socket.recv()
            keep_alive.silent_since_s = self._loop.time()
            try:
                return await self._socket.recv()
            finally:
                keep_alive.silent_since_s = None
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, waiting a few seconds at most for the peer to agree. Reasons are cut to what a frame can hold."""
        # RFC 6455, section 5.5: a control frame holds 125 bytes, and the code takes two.
        short = reason.encode()[:123].decode(errors="ignore")
        for watching in self._watching:
            watching.cancel()
        try:
            # The library limits the wait for the peer's frame, but not the wait for a full write buffer.
            async with asyncio.timeout(_CLOSE_TIMEOUT_S + 1):
                await self._socket.close(code, short)
        except TimeoutError:
            self._socket.transport.abort()
        await asyncio.gather(*self._watching, return_exceptions=True)

    def _closed(self, fault: WebSocketClosed) -> ConnectionClosed:
        cut_reason = self._keep_alive.cut_reason if self._keep_alive is not None else None
        return closed_error(fault, largest_sent_bytes=self._largest_sent_bytes, cut_reason=cut_reason)


def _frame_of(text: bytes) -> bytes:
    """A text message of a client in one frame: RFC 6455, section 5.2. Nothing is ever compressed here."""
    size, mask = len(text), token_bytes(4)
    if size < _SHORT:
        head = bytes((_WHOLE_TEXT, _MASKED | size))
    elif size < _LONG:
        head = bytes((_WHOLE_TEXT, _MASKED | _SHORT, size >> 8, size & 0xFF))
    else:
        head = bytes((_WHOLE_TEXT, _MASKED | _SHORT + 1)) + size.to_bytes(8, "big")
    return b"".join((head, mask, apply_mask(text, mask)))


async def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    options: SocketOptions = _STANDARD,
    open_timeout: float | None = None,
) -> WebSocketTransport:
    """Open a WebSocket. `open_timeout`, in seconds, replaces the one in `options`. Cancelling is safe.

    No exception's message holds headers, sub-protocols, the query or passwords, not even where the server repeats them,
    and nothing of a handshake is logged. Redirects are followed within the URL's own origin only. The current trace
    goes along (`trace_headers`).

    Raises:
        ConnectFailed: the connection could not be opened; `.retryable` says whether another try can help.
        AuthenticationFailed: the server does not accept the key, or asks for one.
        ModelNotFound: the server has no such model.
    """
    headers = with_trace(headers or {})
    check_handshake(url, headers, subprotocols, options)
    if open_timeout is not None:
        options = msgspec.structs.replace(options, open_timeout=open_timeout)
    handshake = Handshake(url, headers, subprotocols, open_timeout=options.open_timeout)
    failure: ConnectFailed
    try:
        handshake.proxy = proxy_for(url, options)
        keywords = library_options(headers, subprotocols, options, proxy=handshake.proxy, trace=handshake.trace)
        socket = await _Connecting(url, close_timeout=_CLOSE_TIMEOUT_S, **keywords)
    except ConnectFailed as fault:
        raise fault from None
    except (WebSocketException, OSError, ValueError, ImportError) as fault:
        failure = handshake_failure(fault, handshake)
        drop_traceback(fault)  # the library's connection keeps it
        handshake.trace.give_up()
    else:
        return WebSocketTransport(socket, limits=liveness_limits(options))
    try:
        raise failure  # behind the handler: without its cause, which says no more, and may quote what was sent
    finally:
        del failure


class _Connecting(websockets_connect):
    """The library's `connect`, with our rule for redirects: the library would send a key to other origins."""

    followed = 0

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The URL to connect to next, or the exception to raise."""
        target = redirect_target(exc, self.uri, followed=self.followed)
        drop_traceback(exc)  # the library's connection keeps it
        self.followed += 1
        return exc if target is None else target
