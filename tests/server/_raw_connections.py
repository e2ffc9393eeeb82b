"""Bytes of a client that need not be right, over a TCP connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ssl import SSLContext

KEY = "sesame"

RIGHT = f"Authorization: Bearer {KEY}"

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


def masked(opcode: int, content: bytes, *, fin: bool = True, length: int | None = None) -> bytes:
    """A client's frame; with `length`, its header promises so many bytes."""
    n_bytes = len(content) if length is None else length
    head = bytes([(0x80 if fin else 0) | opcode])
    size = bytes([0x80 | n_bytes]) if n_bytes < 126 else bytes([0x80 | 127]) + n_bytes.to_bytes(8, "big")
    return head + size + b"\0\0\0\0" + content


def handshake(path: str = "/v1/realtime", *headers: str) -> bytes:
    """A request for a WebSocket."""
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode()


class RawConnection:
    """A TCP connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read_until(self, end: bytes) -> bytes:
        """All up to and including this."""
        async with asyncio.timeout(5):
            return await self.reader.readuntil(end)

    async def has_ended(self, *, within_s: float) -> bool:
        """Whether the server hangs up by then; what it says is read."""
        try:
            async with asyncio.timeout(within_s):
                while await self.reader.read(65_536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    async def read_to_end(self) -> bytes:
        """All that comes until the server hangs up."""
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""


@asynccontextmanager
async def raw_connection(url: str, *, tls: SSLContext | None = None) -> AsyncGenerator[RawConnection, None]:
    """Connects for a block."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()
