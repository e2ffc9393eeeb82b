"""ASGI between two processes: the scope of a connection, and then its messages both ways, in frames of the control
channel."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from duologue.server.workers.messages import ChannelReader, framed
from duologue.transports.asgi import Scope

__all__ = ["AsgiStream"]

_READ_BYTES: Final = 256 * 1024

_SCOPE: Final = (
    *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path"),
    *("headers", "client", "server", "subprotocols", "extensions"),
)
"""What passes of a scope; the rest belongs to the process that made it."""


class AsgiStream:
    """One end. One task may receive while another one sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = ChannelReader()
        self._waiting: deque[bytes] = deque()

    @classmethod
    async def of(cls, end: socket.socket) -> AsgiStream:
        """The end at this socket, which it owns from now on."""
        return cls(*await asyncio.open_connection(sock=end))

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; waits while the other process takes none. Raises OSError: the other end is closed."""
        if self._writer.is_closing():
            raise ConnectionResetError("the other process has closed the connection")
        self._writer.write(framed(msgspec.msgpack.encode(message)))
        await self._writer.drain()

    async def send_scope(self, scope: Scope) -> None:
        """Send what another process needs of a scope. Raises OSError: the other end is closed."""
        await self.send({name: scope[name] for name in _SCOPE if name in scope})

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None: the other end is closed. Cancelling loses nothing."""
        while not self._waiting:
            try:
                data = await self._reader.read(_READ_BYTES)
                self._waiting.extend(self._frames.feed(data))
            except (OSError, ValueError):
                return None
            if not data:
                return None
        message: dict[str, Any] = msgspec.msgpack.decode(self._waiting.popleft())
        if "headers" in message:
            message["headers"] = [(bytes(name), bytes(value)) for name, value in message["headers"]]
        return message

    async def receive_scope(self) -> dict[str, Any] | None:
        """The scope that the other process has sent; None: it is gone."""
        scope = await self.receive()
        for name in ("client", "server"):
            if scope is not None and scope.get(name) is not None:
                scope[name] = tuple(scope[name])
        return scope

    def close(self) -> None:
        """Close this end, behind what was sent."""
        self._writer.close()
