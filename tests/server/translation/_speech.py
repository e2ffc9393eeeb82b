"""A client of translations on the other end of a transport, as plain JSON."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from typing import Any

from duologue.errors import ConnectionClosed
from duologue.transports import Transport
from tests.server._engines import LOUD, QUIET

TRANSCRIBED: dict[str, Any] = {"transcription": {"model": "gpt-realtime-whisper"}}


def message(kind: str, **fields: Any) -> str:
    """An event as text."""
    return json.dumps({"type": kind, **fields})


def append(pcm: bytes) -> str:
    """An append as text."""
    return message("session.input_audio_buffer.append", audio=b64encode(pcm).decode())


async def speak(transport: Transport, ms: int = 600, *, silence_ms: int = 600) -> None:
    """Speak, and be silent, in pieces of 200 ms."""
    for piece in (*[LOUD * 200] * (ms // 200), *[QUIET * 200] * (silence_ms // 200)):
        await transport.send(append(piece))


async def receive(transport: Transport) -> dict[str, Any]:
    """The next event."""
    async with asyncio.timeout(5):
        event: dict[str, Any] = json.loads(await transport.receive())
    return event


async def until(transport: Transport, kind: str) -> list[dict[str, Any]]:
    """The events up to the first of this type."""
    events = [await receive(transport)]
    while events[-1]["type"] != kind:
        events.append(await receive(transport))
    return events


async def to_the_end(transport: Transport) -> tuple[list[dict[str, Any]], int]:
    """The events up to the close, and its code."""
    events: list[dict[str, Any]] = []
    while True:
        try:
            events.append(await receive(transport))
        except ConnectionClosed as closed:
            return events, closed.code


def text(events: list[dict[str, Any]], stream: str) -> str:
    """What the deltas of "input" or "output" say."""
    return "".join(each["delta"] for each in events if each["type"] == f"session.{stream}_transcript.delta")


def audio_ms(events: list[dict[str, Any]]) -> int:
    """How long the speech lasts."""
    return sum(len(b64decode(each["delta"])) for each in events if each["type"] == "session.output_audio.delta") // 48
