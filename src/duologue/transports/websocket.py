"""A WebSocket as a transport, client side, over the `websockets` library."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed as WebSocketClosed
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException

from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

__all__ = ["WebSocketTransport", "open_websocket"]

_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The protocol allows 15 MiB of audio in one append; the library's default of 1 MiB cuts honest peers off."""

_CLOSE_TIMEOUT_S: Final = 3
"""How long to wait for the peer's closing frame: a peer that is there answers within a round trip."""

_RETRYABLE_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers to the handshake after which another try can succeed."""

_NO_STATUS_RECEIVED: Final = 1005
_ABNORMAL_CLOSURE: Final = 1006


class WebSocketTransport:
    """An open WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the socket's buffer is full."""
        try:
            await self._socket.send(message)
        except WebSocketClosed as fault:
            raise _closed(fault) from fault

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        try:
            return await self._socket.recv()
        except WebSocketClosed as fault:
            raise _closed(fault) from fault

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, waiting a few seconds at most for the peer to agree. Reasons are cut to what a frame can hold."""
        # 125 bytes of a control frame, less the two of the code.
        short = reason.encode()[:123].decode(errors="ignore")
        try:
            # The library bounds the wait for the peer's frame, but not the one for a buffer that nobody empties.
            async with asyncio.timeout(_CLOSE_TIMEOUT_S + 1):
                await self._socket.close(code, short)
        except TimeoutError:
            self._socket.transport.abort()


async def open_websocket(
    url: str, *, headers: Mapping[str, str] | None = None, open_timeout_s: float = 10.0
) -> WebSocketTransport:
    """Open a WebSocket.

    Cancelling is safe. `headers` are sent with the handshake and appear in no message of any exception.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    for name, value in (headers or {}).items():
        # Checked here, because the library's own complaint quotes the value, which may be a key.
        if not (value.isascii() and value.isprintable()):
            raise ConnectFailed(f"the header {name} holds characters that HTTP does not allow", retryable=False)
    shown = _without_secrets(url)
    try:
        socket = await websockets_connect(
            url,
            additional_headers=dict(headers or {}),
            max_size=_MAX_MESSAGE_BYTES,
            open_timeout=open_timeout_s,
            close_timeout=_CLOSE_TIMEOUT_S,
            # Audio in base64 does not shrink; compressing it costs a window of memory a connection, and time.
            compression=None,
        )
    except InvalidStatus as fault:
        status = fault.response.status_code
        raise ConnectFailed(
            f"{shown} answered the handshake with HTTP {status}", retryable=status in _RETRYABLE_STATUS
        ) from fault
    except (InvalidURI, ValueError) as fault:  # the standard library's word for a port that is no number
        raise ConnectFailed(f"{shown} is not a WebSocket URL (ws://… or wss://…)", retryable=False) from fault
    except (InvalidHandshake, WebSocketException) as fault:
        raise ConnectFailed(f"{shown} does not speak WebSocket: {fault}", retryable=False) from fault
    except TimeoutError as fault:
        raise ConnectFailed(f"{shown} did not answer within {open_timeout_s:g} s", retryable=True) from fault
    except OSError as fault:
        raise ConnectFailed(f"cannot reach {shown}: {fault.strerror or fault}", retryable=True) from fault
    return WebSocketTransport(socket)


def _without_secrets(url: str) -> str:
    """The URL for people to read: no query and no password, where some services want their keys."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _closed(fault: WebSocketClosed) -> ConnectionClosed:
    frame = fault.rcvd or fault.sent
    if frame is None:
        return ConnectionClosedError(_ABNORMAL_CLOSURE, "the connection broke off")
    code = frame.code or _NO_STATUS_RECEIVED
    kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
    return kind(code, frame.reason)
