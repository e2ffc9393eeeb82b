"""A browser's requests, by hand, and messages of a call."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from duologue.recording import ClosedLine, Direction, Header
from duologue.server import Inspector
from duologue.server.inspector.kept_session import KeptSession

HEADER = Header(
    started_at="2026-03-01T12:00:00.000+00:00", side="server", model="m", dialect="openai", family="realtime"
)

LOUD = base64.b64encode(b"\x00\x40" * 2400).decode()
"""A tenth of a second of PCM16 at 24 kHz, half as loud as can be."""


def append(audio: str = LOUD, **fields: Any) -> str:
    return json.dumps({"type": "input_audio_buffer.append", **fields, "audio": audio}, separators=(",", ":"))


def created(session_id: str = "sess_1") -> str:
    session = {"type": "realtime", "id": session_id, "object": "realtime.session", "model": "m"}
    return json.dumps({"type": "session.created", "event_id": "event_1", "session": session})


def begun(inspector: Inspector, session_id: str = "sess_1") -> KeptSession:
    """A session that has begun."""
    session = inspector.opened(session_id, HEADER)
    session.passed(0.0, "sent", created(session_id))
    return session


def typed(session: KeptSession, at_s: float, text: str = "hello") -> None:
    """A typed message and its answer."""
    item: dict[str, Any] = {"id": f"item_{at_s}", "type": "message", "role": "user", "content": []}
    item["content"].append({"type": "input_text", "text": text})
    events: tuple[tuple[Direction, dict[str, Any]], ...] = (
        ("received", {"type": "conversation.item.create", "event_id": f"client_{at_s}", "item": item}),
        ("sent", {"type": "conversation.item.added", "event_id": "event_2", "previous_item_id": None, "item": item}),
    )
    for direction, event in events:
        session.passed(at_s, direction, json.dumps(event))


def end(session: KeptSession, at_s: float = 9.0) -> None:
    """The client hangs up."""
    session.told(ClosedLine(at_s=at_s, code=1000, reason="bye", by="client"))
    session.ended()


class Got:
    """An answer."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = dict(line.split(": ", 1) for line in rest if line)
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode()


async def ask(address: str, **headers: str) -> Got:
    """The whole answer to a GET."""
    return await ask_raw(address, request(address, **headers))


def request(address: str, *, method: str = "GET", **headers: str) -> bytes:
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = (f"{name.replace('_', '-')}: {value}" for name, value in {"Host": parts.netloc, **headers}.items())
    return "\r\n".join((f"{method} {path} HTTP/1.1", *lines, "", "")).encode("latin-1")


async def ask_raw(address: str, sent: bytes) -> Got:
    """The answer to these bytes."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        try:
            writer.write(sent)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            return Got(head, body)
        finally:
            writer.close()


class Stream:
    """Server-sent events as they come."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def next(self) -> tuple[str, Any, str]:
        """The next event: its name, its data, its id."""
        async with asyncio.timeout(5):
            while True:
                block = (await self._reader.readuntil(b"\n\n")).decode()
                fields = dict(line.split(": ", 1) for line in block.strip("\n").split("\n") if ": " in line)
                if "event" in fields:
                    return fields["event"], json.loads(fields["data"]), fields.get("id", "")

    async def is_over(self) -> bool:
        """Whether nothing comes any more."""
        async with asyncio.timeout(5):
            return await self._reader.read() == b""


@asynccontextmanager
async def stream(address: str, **headers: str) -> AsyncGenerator[Stream, None]:
    """The events at an address."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
    try:
        writer.write(request(address, **headers))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"200 OK" in head, head
        yield Stream(reader)
    finally:
        writer.close()
