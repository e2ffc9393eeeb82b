"""Servers that misbehave, each in one way, on the test's own event loop."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from duologue.cli.doctor.examination import Examination, StackLoader
from duologue.cli.doctor.step_result import StepResult
from duologue.cli.doctor.target import Way, target_of_url
from duologue.errors import MissingExtra
from duologue.transports.webrtc.peer import Stack

KEY = "sk-a-key-that-is-secret"

Handle = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Gets the head of a request, and answers."""


def http_response(status: str, body: str = "", **headers: str) -> bytes:
    """An HTTP response; names of headers have `_` for `-`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n{lines}\r\n{body}".encode()


def text_frame(text: str | bytes, opcode: int = 1) -> bytes:
    """A frame of a server."""
    payload = text.encode() if isinstance(text, str) else text
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack("!H", len(payload))
    return bytes([0x80 | opcode]) + length + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame."""
    return text_frame(struct.pack("!H", code) + reason.encode(), opcode=8)


def upgrade(head: str) -> bytes:
    """The answer that opens a WebSocket."""
    key = next(line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


def is_upgrade(head: str) -> bool:
    """Whether the request asks for a WebSocket."""
    return "upgrade: websocket" in head.lower()


def answering_upgrades(*, upgraded: bytes | None = None, refused: bytes = b"", stays: bool = True) -> Handle:
    """Answers other requests with 426; an upgrade with `refused`, or takes it and sends `upgraded`."""

    async def handle(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_upgrade(head):
            writer.write(http_response("426 Upgrade Required"))
        elif upgraded is None:
            writer.write(refused)
        else:
            writer.write(upgrade(head) + upgraded)
            await writer.drain()
            while stays and await reader.read(4096):
                pass

    return handle


def answering_with_pongs(upgraded: bytes) -> Handle:
    """Takes upgrades, sends this, and answers pings."""

    async def handle(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_upgrade(head):
            writer.write(http_response("404 Not Found"))
            return
        writer.write(upgrade(head) + upgraded)
        while frame := await reader.read(4096):
            if frame[0] & 0xF == 9:
                mask, masked = frame[2:6], frame[6:]
                payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
                writer.write(text_frame(payload, opcode=10))
            elif frame[0] & 0xF == 8:
                writer.write(close_frame(1000))
                return

    return handle


@asynccontextmanager
async def served(handle: Handle, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int, None]:
    """A server for the length of a block; its port."""
    open_: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_[asyncio.current_task()] = writer
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            await handle(head, reader, writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_.values():
            writer.transport.abort()
        await asyncio.wait_for(asyncio.gather(*filter(None, open_), return_exceptions=True), 5)


def no_stack() -> Stack:
    """As on a machine without one."""
    raise MissingExtra("webrtc", extra="webrtc")


async def examined(
    url: str,
    *,
    only: tuple[Way, ...] = ("websocket",),
    load_stack: StackLoader = no_stack,
    turn: bool = False,
    **options: Any,
) -> dict[str, StepResult]:
    """The rows of an examination, by step; nothing in them is a key."""
    rows: list[StepResult] = []
    target = target_of_url(url, dialect=options.pop("dialect", "auto"), **options)
    examination = Examination(target, report=rows.append, load_stack=load_stack, only=only, turn=turn)
    await examination.run()
    assert rows == examination.results
    assert KEY not in repr(rows)
    assert examination.holds is all(row.outcome != "failed" for row in rows)
    for row in rows:
        assert row.tried or row.outcome == "failed", row
        assert row.remedy or row.outcome not in ("failed", "note"), row
    return {row.step: row for row in rows}
