"""A server that stands in for an endpoint: it reads requests, and answers each with the bytes that it was given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

__all__ = ["Endpoint", "endpoint", "http", "sse"]


@dataclass
class Endpoint:
    """Speaks just enough HTTP. Of several answers each is given once, and the last one from then on."""

    answers: Sequence[bytes]
    url: str = ""
    heads: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])
    hold_open: bool = False
    piece_bytes: int | None = None
    serving: list[asyncio.Task[Any] | None] = field(default_factory=list["asyncio.Task[Any] | None"])
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies that there were, which are JSON."""
        return [msgspec.json.decode(body) for body in self.bodies if body]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.current_task())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.lower().splitlines()
        length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
        answer = self.answers[min(len(self.heads), len(self.answers) - 1)]
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))
        self.asked.set()
        step = self.piece_bytes or len(answer) or 1
        for start in range(0, len(answer), step):
            writer.write(answer[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
        if self.hold_open:
            await reader.read()
            self.hung_up.set()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def endpoint(
    *answers: bytes, hold_open: bool = False, piece_bytes: int | None = None
) -> AsyncGenerator[Endpoint]:
    stand_in = Endpoint(answers, hold_open=hold_open, piece_bytes=piece_bytes)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/"
    try:
        yield stand_in
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*filter(None, stand_in.serving), return_exceptions=True)


def http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + body


def sse(*chunks: str) -> bytes:
    return http("200 OK", "".join(f"data: {chunk}\n\n" for chunk in chunks).encode(), "text/event-stream")
