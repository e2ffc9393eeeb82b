"""A WebSocket of a load generator: it writes frames that were encoded before, and keeps nothing of what comes.

Libraries mask, encode and queue each message anew, which costs more than all else that a generator does.
"""

from __future__ import annotations

import asyncio
import struct
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha1
from typing import Final, Protocol, cast

from msgspec import Struct

__all__ = ["ABNORMAL", "LoadSocket", "SocketOwner", "SocketPlace", "client_frame"]

ABNORMAL: Final = 1006
"""RFC 6455, section 7.4.1: there was no close frame."""

_NO_STATUS: Final = 1005
_PROTOCOL_ERROR: Final = 1002
_TOO_BIG: Final = 1009
_NORMAL: Final = 1000

_CONTINUED: Final = 0x0
_TEXT: Final = 0x1
_CLOSE: Final = 0x8
_PONG: Final = 0xA
_FIN: Final = 0x80

_MAX_HEAD_BYTES: Final = 64 * 1024
"""Of the answer to a handshake: a server with many cookies sends a few kB."""

_MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Four times the largest message of the protocol."""

_KEY: Final = b64encode(b"duologue load 01")
"""Any 16 bytes: they show that the other side speaks WebSocket, and keep nothing secret. RFC 6455, section 1.3."""
_ACCEPT: Final = b64encode(sha1(_KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest())


class SocketPlace(Struct, frozen=True, kw_only=True):
    """Where a socket is opened, and what the handshake says. Its headers may hold a key."""

    host: str
    """The address: names are resolved before."""
    server_name: str
    """What the server's certificate is for."""
    port: int
    path: str
    """With its query, which may hold a key."""
    authority: str
    """Host and port as the URL has them."""
    secure: bool
    headers: Mapping[str, str] = {}
    subprotocols: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"SocketPlace({self.authority})"


class SocketOwner(Protocol):
    """Who gets what comes. Times are those of the running loop."""

    def opened(self, now: float) -> None: ...
    def received(self, message: bytes, now: float) -> None: ...
    def ended(self, code: int, now: float, *, refused: str | None) -> None: ...


def client_frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """A message of a client in one frame. Its mask is of zeros, so that it can be encoded once for all connections."""
    length = len(payload)
    if length < 126:
        header = struct.pack("!BB", _FIN | opcode, 0x80 | length)
    elif length < 1 << 16:
        header = struct.pack("!BBH", _FIN | opcode, 0x80 | 126, length)
    else:
        header = struct.pack("!BBQ", _FIN | opcode, 0x80 | 127, length)
    return header + bytes(4) + payload


class LoadSocket(asyncio.Protocol):
    """One connection. Pings are answered; other frames go to the owner as whole messages."""

    def __init__(self, place: SocketPlace, owner: SocketOwner) -> None:
        self._place = place
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting = bytearray()
        self._parts = bytearray()
        """Of a message in several frames."""
        self._is_open = False
        self._code: int | None = None
        """With which it is closed."""
        self._refused: str | None = None
        self._is_over = False
        self.sent_bytes: int = 0
        self.received_bytes: int = 0

    # --- sending

    def write(self, frame: bytes) -> None:
        """Send a frame of `client_frame`."""
        if self._transport is not None and self._code is None:
            self.sent_bytes += len(frame)
            self._transport.write(frame)

    @property
    def unsent_bytes(self) -> int:
        """What the system has not taken yet: the server reads more slowly than it should."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def close(self, code: int = _NORMAL) -> None:
        """Close from this side, without waiting for the other one."""
        if self._transport is None or self._is_over:
            return
        if self._is_open and self._code is None:
            self.write(client_frame(struct.pack("!H", code), _CLOSE))
            self._code = code
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    # --- the protocol of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not by its class
        place = self._place
        lines = [
            f"GET {place.path} HTTP/1.1",
            f"Host: {place.authority}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {_KEY.decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Protocol: {', '.join(place.subprotocols)}"] if place.subprotocols else []),
            *(f"{name}: {value}" for name, value in place.headers.items()),
        ]
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        now = self._loop.time()
        self.received_bytes += len(data)
        self._waiting += data
        if not self._is_open and not self._opens(now):
            return
        for message in self._messages():
            self._owner.received(message, now)
            if self._is_over:
                return

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        if not self._is_over:
            self._is_over = True
            code = ABNORMAL if self._code is None else self._code
            self._owner.ended(code, self._loop.time(), refused=self._refused)

    # --- reading

    def _opens(self, now: float) -> bool:
        head, found, rest = self._waiting.partition(b"\r\n\r\n")
        if not found:
            if len(self._waiting) > _MAX_HEAD_BYTES:
                self._refuse("its answer to the handshake does not end")
            return False
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/"):
            self._refuse("it speaks no HTTP")
            return False
        if words[1] != b"101":
            self._refuse(f"HTTP {words[1][:3].decode('ascii', 'replace')}")
            return False
        accepted = [
            line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"sec-websocket-accept:")
        ]
        if accepted != [_ACCEPT]:
            self._refuse("it does not accept the WebSocket")
            return False
        self._is_open, self._waiting = True, rest
        self._owner.opened(now)
        return True

    def _refuse(self, why: str) -> None:
        self._refused = why
        self._waiting.clear()
        self.abort()

    def _messages(self) -> Iterator[bytes]:
        position, waiting = 0, self._waiting
        while len(waiting) - position >= 2:
            head, length, begin = waiting[position], waiting[position + 1], position + 2
            if length == 126:
                length, begin = int.from_bytes(waiting[begin : begin + 2], "big"), begin + 2
            elif length == 127:
                length, begin = int.from_bytes(waiting[begin : begin + 8], "big"), begin + 8
            if length > _MAX_MESSAGE_BYTES or head & 0x70 or waiting[position + 1] & 0x80:
                self._fail(_TOO_BIG if length > _MAX_MESSAGE_BYTES else _PROTOCOL_ERROR)
                return
            if len(waiting) < begin + length:
                break
            position = begin + length
            payload = bytes(waiting[begin:position])
            if (message := self._message(head, payload)) is not None:
                yield message
            if self._code is not None:
                return
        del waiting[:position]

    def _message(self, head: int, payload: bytes) -> bytes | None:
        """The message that a frame completes."""
        match head & 0xF:
            case 0x1 | 0x2 | 0x0 as opcode:
                if head & _FIN and opcode != _CONTINUED and not self._parts:
                    return payload
                self._parts += payload
                if len(self._parts) > _MAX_MESSAGE_BYTES:
                    self._fail(_TOO_BIG)
                elif head & _FIN:
                    message, self._parts = bytes(self._parts), bytearray()
                    return message
            case 0x8:
                self._code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else _NO_STATUS
                if self._transport is not None:
                    self._transport.write(client_frame(payload[:2], _CLOSE))
                    self._transport.close()
            case 0x9:
                self.write(client_frame(payload, _PONG))
            case _:
                pass  # a pong that was not asked for
        return None

    def _fail(self, code: int) -> None:
        self._code = code
        self.abort()
