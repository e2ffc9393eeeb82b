"""An ASGI WebSocket as a transport, server side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

__all__ = ["ADMISSION", "OFFER", "ASGIApplication", "ASGIReceive", "ASGISend", "ASGITransport", "Scope"]

Scope: TypeAlias = MutableMapping[str, Any]
"""What ASGI says of a connection."""
ASGIReceive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""The application's `receive`."""
ASGISend: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""The application's `send`."""
ASGIApplication: TypeAlias = Callable[[Scope, ASGIReceive, ASGISend], Awaitable[None]]
"""An application of ASGI 3."""

ADMISSION: Final = "duologue.admission"
"""An extension of ASGI: before the application has sent a message of this type, a server that knows the extension reads
nothing of the client and takes no large frame. `owner` in the message names the caller."""

OFFER: Final = "duologue.offer"
"""A message of the same extension: `take` in it is a function that gets short texts at once, as bytes, until the
application has returned. The server may add `write`, which writes such texts, or returns False if they would wait."""

_CLOSE_TIMEOUT_S: Final = 3
"""How long a peer may take to close."""

# RFC 6455, section 7.4.1.
_NO_STATUS_RECEIVED: Final = 1005
_ABNORMAL_CLOSURE: Final = 1006

_MESSAGES_BETWEEN_YIELDS: Final = 4
"""After this many messages the event loop runs other sessions. Neither a read from a full queue nor a write to a socket
with room waits, so one client that floods would block all others. And asyncio reports a dead socket only when the loop
runs: from the sixth write on it would log warnings."""


class ASGITransport:
    """An accepted ASGI WebSocket. `accept` comes before everything else."""

    def __init__(self, receive: ASGIReceive, send: ASGISend) -> None:
        self._receive = receive
        self._send = send
        self._closed: ConnectionClosed | None = None
        self._handled = 0
        self._admitted = False

    async def accept(self, subprotocol: str | None = None) -> None:
        """Finish the handshake. Raises ConnectionClosed if the client has gone."""
        message = await self._receive()
        assert message["type"] == "websocket.connect", message["type"]
        await self._hand_over({"type": "websocket.accept", "subprotocol": subprotocol})

    async def admit(self, owner: str) -> None:
        """Have the server read what this client sends; only for servers that know the extension `ADMISSION`."""
        await self._hand_over({"type": ADMISSION, "owner": owner})
        self._admitted = True

    async def offer(self, take: Callable[[bytes], bool]) -> Callable[..., bool] | None:
        """Have short texts given to this method first, while `receive` waits; those that it does not take (False) are
        for `receive`. Returns what writes short texts at once, all or none (False): only for texts before which no
        other is being sent. None, and no effect, on servers that do not know the extension.
        """
        if not self._admitted:
            return None
        offered: dict[str, Any] = {"type": OFFER, "take": take}
        await self._hand_over(offered)
        return offered.get("write")

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the server's write buffer is full."""
        self._handled += 1
        if self._handled % _MESSAGES_BETWEEN_YIELDS == 0:
            await asyncio.sleep(0)  # before a message, never after it: so cancelling loses nothing
        if self._closed is not None:
            raise self._fault(self._closed)
        key = "text" if isinstance(message, str) else "bytes"
        await self._hand_over({"type": "websocket.send", key: message})

    async def receive(self) -> str | bytes:
        """The next message."""
        self._handled += 1
        if self._handled % _MESSAGES_BETWEEN_YIELDS == 0:
            await asyncio.sleep(0)  # before a message, never after it: so cancelling loses nothing
        if self._closed is not None:
            raise self._fault(self._closed)
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code") or _NO_STATUS_RECEIVED
            kind = ConnectionClosedOK if code in (1000, 1001, _NO_STATUS_RECEIVED) else ConnectionClosedError
            self._closed = kind(code, message.get("reason") or "")
            raise self._fault(self._closed)
        text: str | None = message.get("text")
        binary: bytes = message.get("bytes") or b""
        return text if text is not None else binary

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close. Reasons are cut to what a close frame can hold."""
        if self._closed is not None:
            return
        self._closed = ConnectionClosedOK(code, reason) if code in (1000, 1001) else ConnectionClosedError(code, reason)
        # RFC 6455, section 5.5: a control frame holds 125 bytes, and the code takes two.
        short = reason.encode()[:123].decode(errors="ignore")
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._hand_over({"type": "websocket.close", "code": code, "reason": short})
        except (ConnectionClosed, TimeoutError):
            # The peer closed first, or does not read: closed either way.
            return

    @staticmethod
    def _fault(closed: ConnectionClosed) -> ConnectionClosed:
        """A new exception for each caller: the traceback of a shared one would keep the whole session in memory."""
        return type(closed)(closed.code, closed.reason)

    async def _hand_over(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as fault:
            # The ASGI specification has OSError for a peer that is gone:
            # https://asgi.readthedocs.io/en/latest/specs/www.html#send-send-event
            # Servers raise RuntimeError where they closed themselves, after a missed ping or at shutdown.
            raise ConnectionClosedError(_ABNORMAL_CLOSURE, "the client is gone") from fault
