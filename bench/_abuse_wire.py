"""Shared by the attackers of `abuse.py`: connections that implement only what an attack needs."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import struct
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

__all__ = ["GONE", "MIB", "NOISE", "AttackConnection", "Target", "appended", "created", "frame", "user_item"]

MIB: Final = 1024 * 1024

NOISE: Final = random.Random(1).randbytes(48_000)
"""A second of loud noise."""

GONE: Final = (OSError, EOFError, asyncio.LimitOverrunError)
"""What an attacker's calls raise when it was cut off."""

_WIDE: Final = 32 * MIB
"""The buffer of an attacker's stream: the largest answer that it reads."""


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True, length: int | None = None, rsv1: bool = False) -> bytes:
    """A frame of a client, with a mask of zeros. `length` may promise more than there is."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += struct.pack("!BH", 0x80 | 126, size)
    else:
        head += struct.pack("!BQ", 0x80 | 127, size)
    return head + bytes(4) + payload


def user_item(text: str) -> dict[str, Any]:
    """A message item of the user."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def created(item: dict[str, Any]) -> bytes:
    """The event that adds this item."""
    return json.dumps({"type": "conversation.item.create", "item": item}, ensure_ascii=False).encode()


def appended(pcm16: bytes) -> bytes:
    """The event that appends this audio."""
    return b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(pcm16) + b'"}'


class AttackConnection:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outcome: Counter[str]) -> None:
        self.reader = reader
        self._writer = writer
        self._outcome = outcome
        self.status = 0

    async def write(self, *pieces: bytes) -> None:
        """Write, with the stream's backpressure."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def send(self, event: dict[str, Any] | bytes) -> None:
        """One text message."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        await self.write(frame(payload))

    async def head(self) -> bytes:
        """The head of an HTTP answer; its status is kept."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.status = int(head.split(b" ", 2)[1])
        return head

    async def message(self) -> bytes:
        """The payload of the next text message. Raises EOFError when the server has closed."""
        while True:
            first, second = await self.reader.readexactly(2)
            length = second & 127
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            payload = await self.reader.readexactly(length)
            match first & 15:
                case 1:
                    return payload
                case 8:
                    self._outcome[f"closed {int.from_bytes(payload[:2], 'big')}"] += 1
                    raise EOFError
                case 9:
                    await self.write(frame(payload, opcode=10))
                case _:
                    pass

    async def event(self, *names: str) -> dict[str, Any]:
        """The next event of one of these types, or an error; errors are counted by their code."""
        while True:
            payload = await self.message()
            if payload.startswith(b'{"type":"error"') or any(
                payload.startswith(f'{{"type":"{name}"'.encode()) for name in names
            ):
                event: dict[str, Any] = json.loads(payload)
                if event["type"] == "error":
                    self._outcome[f"refused {event['error'].get('code') or event['error'].get('type')}"] += 1
                return event

    async def read_on(self) -> None:
        """Read whatever comes, until it ends; errors are counted."""
        with suppress(*GONE):
            while True:
                await self.event()

    def abort(self) -> None:
        """Abort the connection."""
        self._writer.transport.abort()


@dataclass
class Target:
    """The server under attack, what the attacker has, and how long it may go on."""

    port: int
    key: str | None
    peer: str
    """The URL of the hostile server that plays MCP server and language model."""
    seconds: float
    """Counted from the first connection: what is sent may take a while to make."""
    share: float = 1.0
    """Of the numbers that an attack is written with; the short form does a part of everything."""
    outcome: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])
    """Things that the attacker reached and must not."""
    links: list[AttackConnection] = field(default_factory=list[AttackConnection])
    until: float = float("inf")
    """On the monotonic clock."""

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.until

    def some(self, number: int) -> int:
        """As many as this run does of so many."""
        return max(1, round(number * self.share))

    async def hold(self) -> None:
        """Keep what is open until the time is over."""
        await asyncio.sleep(max(0.0, self.until - time.monotonic()))

    async def dial(self, address: str = "127.0.0.2") -> AttackConnection:
        """A connection from this address, which is not the neighbour's."""
        self.until = min(self.until, time.monotonic() + self.seconds)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0), limit=_WIDE)
        link = AttackConnection(reader, writer, self.outcome)
        self.links.append(link)
        return link

    def hello(self, *extra: str, path: str = "/v1/realtime?model=m", key: str | None = None) -> bytes:
        """A handshake, with the attacker's key if it has one."""
        key = key if key is not None else self.key
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {key}"] if key else []),
            *extra,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def post(self, path: str, length: int | None, *extra: str) -> bytes:
        """The head of a POST."""
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            *([f"Content-Length: {length}"] if length is not None else ["Transfer-Encoding: chunked"]),
            *([f"Authorization: Bearer {self.key}"] if self.key else []),
            *extra,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def open(self, address: str = "127.0.0.2", *, key: str | None = None) -> AttackConnection:
        """A connection whose handshake is answered. Raises EOFError if it is refused."""
        link = await self.dial(address)
        await link.write(self.hello(key=key))
        await link.head()
        self.outcome[f"status {link.status}"] += 1
        if link.status != 101:
            link.abort()
            raise EOFError
        return link

    async def session(self, address: str = "127.0.0.2", *, key: str | None = None) -> AttackConnection:
        """A session that has begun. Raises EOFError if it is refused."""
        link = await self.open(address, key=key)
        if (await link.event("session.created"))["type"] == "error":
            link.abort()
            raise EOFError
        self.outcome["sessions"] += 1
        return link

    @asynccontextmanager
    async def reading(self, link: AttackConnection) -> AsyncGenerator[AttackConnection, None]:
        """The link, while its answers are read and counted in a task."""
        reading = asyncio.ensure_future(link.read_on())
        try:
            yield link
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def crowd(self, number: int, attack: Callable[[int], Awaitable[None]]) -> None:
        """This attack by so many at once; one that is cut off is counted, and the others go on."""

        async def one(index: int) -> None:
            try:
                await attack(index)
            except GONE:
                self.outcome["cut off"] += 1

        await asyncio.gather(*(one(index) for index in range(number)))

    async def again(self, number: int, attack: Callable[[int], Awaitable[None]]) -> None:
        """A crowd that begins again until the time is over."""
        numbers = count()

        async def one(_: int) -> None:
            while self.goes_on:
                try:
                    await attack(next(numbers))
                except GONE:
                    self.outcome["cut off"] += 1
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(one(index) for index in range(number)))

    def leave(self) -> None:
        """Abort all connections."""
        for link in self.links:
            link.abort()
        self.links.clear()
