"""A server's connection of the `websockets` library that also takes requests with a body, such as POST.

The library reads the handshake of a WebSocket and refuses any other method. Here such a request is read first, and
handed to the library as a GET without a body: so one port serves both, as the hosted service does.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

__all__ = ["SILENT", "FrontConnection", "asks_for_socket", "http_response"]

SILENT: Final = logging.Logger("duologue.testing.cassettes", logging.CRITICAL + 1)  # noqa: LOG001 - no handler sees it
"""For the library, which logs headers, and thereby keys."""

_MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Of a head and its body: a session with all its tools has 100 kB."""

_NOT_PASSED: Final = (b"content-length:", b"transfer-encoding:", b"expect:")

_TOO_LARGE: Final = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_NO_LENGTH: Final = b"HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class FrontConnection(ServerConnection):
    """A connection whose request may have any method and a body."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.method: str = "GET"
        self.body: bytes = b""
        self.what: Any = None
        """What the request was found to ask for, kept from the handshake on."""
        self._head: bytearray | None = bytearray()
        """What has been read before the library reads by itself; None: it does."""

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        if b"GET ".startswith(self._head[:4]):
            if len(self._head) >= 4:
                self._pass_on(bytes(self._head))
            return
        if len(self._head) > _MAX_REQUEST_BYTES:
            self._refuse(_TOO_LARGE)
            return
        head, found, body = bytes(self._head).partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.split(b"\r\n")
        if any(line.lower().startswith(b"transfer-encoding:") for line in lines):
            self._refuse(_NO_LENGTH)
            return
        if len(body) < _length_of(lines):
            return
        self.method, _, rest = lines[0].decode("latin-1").partition(" ")
        self.body = body
        kept = [line for line in lines[1:] if not line.lower().startswith(_NOT_PASSED)]
        self._pass_on(b"\r\n".join([f"GET {rest}".encode("latin-1"), *kept, b"", b""]))

    def _pass_on(self, data: bytes) -> None:
        self._head = None
        super().data_received(data)

    def _refuse(self, answer: bytes) -> None:
        self._head = bytearray()
        self.transport.write(answer)
        self.transport.close()


def _length_of(lines: list[bytes]) -> int:
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


def asks_for_socket(connection: FrontConnection, request: Request) -> bool:
    """Whether a request is the handshake of a WebSocket."""
    return connection.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


def http_response(status: int, body: bytes, *, content_type: str) -> Response:
    """An answer over HTTP, after which the connection is closed."""
    headers = Headers([("Connection", "close"), ("Content-Length", str(len(body))), ("Content-Type", content_type)])
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return Response(status, phrase, headers, body)
