"""An ASGI WebSocket as a transport, server side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

__all__ = ["ADMISSION", "ASGIReceive", "ASGISend", "ASGITransport", "Scope"]

Scope: TypeAlias = MutableMapping[str, Any]
ASGIReceive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
ASGISend: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ADMISSION: Final = "duologue.admission"
"""An extension of ASGI: a server that knows it reads nothing of a client, and takes no large frame, before the
application has sent a message of this type. Its `owner` is whose connection it is."""

_CLOSE_TIMEOUT_S: Final = 3
"""How long a peer may take to let itself be closed."""

_NO_STATUS_RECEIVED: Final = 1005

_IN_A_ROW: Final = 4
"""After this many messages the other sessions have their turn. Neither a full queue nor a socket with room makes
anybody wait, so one client that floods would hold up all others; and a dead socket is only reported between two turns,
where asyncio complains from the sixth write on."""


class ASGITransport:
    """An accepted ASGI WebSocket. `accept` comes before everything else."""

    def __init__(self, receive: ASGIReceive, send: ASGISend) -> None:
        self._receive = receive
        self._send = send
        self._closed: ConnectionClosed | None = None
        self._handled = 0

    async def accept(self, subprotocol: str | None = None) -> None:
        """Finish the handshake. Raises ConnectionClosed if the client does not wait for it."""
        message = await self._receive()
        assert message["type"] == "websocket.connect", message["type"]
        await self._hand_over({"type": "websocket.accept", "subprotocol": subprotocol})

    async def admit(self, owner: str) -> None:
        """Have the server read what this client sends; for servers that know the extension."""
        await self._hand_over({"type": ADMISSION, "owner": owner})

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the server's write buffer is full."""
        await self._take_turns()
        if self._closed is not None:
            raise self._fault(self._closed)
        key = "text" if isinstance(message, str) else "bytes"
        await self._hand_over({"type": "websocket.send", key: message})

    async def receive(self) -> str | bytes:
        """The next message."""
        await self._take_turns()
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
        # 125 bytes of a control frame, less the two of the code.
        short = reason.encode()[:123].decode(errors="ignore")
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._hand_over({"type": "websocket.close", "code": code, "reason": short})
        except (ConnectionClosed, TimeoutError):
            # The peer went first, or does not read: closed either way.
            return

    @staticmethod
    def _fault(closed: ConnectionClosed) -> ConnectionClosed:
        """One of its own for each that is told: the traceback of a kept one would keep the whole session with it."""
        return type(closed)(closed.code, closed.reason)

    async def _take_turns(self) -> None:
        # Before a message and never after it: cancelled here, nothing is lost.
        self._handled += 1
        if self._handled % _IN_A_ROW == 0:
            await asyncio.sleep(0)

    async def _hand_over(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as fault:
            # A peer that is gone is an OSError by the specification; where the server itself has hung up, after
            # a ping without answer or at shutdown, servers complain of an unexpected message instead.
            raise ConnectionClosedError(1006, "the client is gone") from fault
