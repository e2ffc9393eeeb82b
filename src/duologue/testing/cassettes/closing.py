"""Ends a WebSocket as another one ended."""

from __future__ import annotations

from typing import Final

from websockets.asyncio.connection import Connection

__all__ = ["close_as"]

_NO_STATUS: Final = 1005
_NORMAL: Final = 1000

_SENDABLE: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
"""Codes that a close frame may carry, beside those of libraries and applications, 3000 to 4999."""

_MAX_REASON_BYTES: Final = 123
"""A control frame holds 125 bytes, and the code takes two: RFC 6455, section 5.5."""


async def close_as(socket: Connection, code: int, reason: str) -> None:
    """Close with this code. With one that stands for a lost connection, cut it off without a close."""
    if code == _NO_STATUS:
        code = _NORMAL
    if code not in _SENDABLE and not 3000 <= code < 5000:
        socket.transport.abort()
        await socket.wait_closed()
        return
    await socket.close(code, reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))
