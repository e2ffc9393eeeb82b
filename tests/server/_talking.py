"""What a client does in the tests of the server."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Protocol

from duologue.events import (
    InputAudioBufferAppendEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseDoneEvent,
)
from tests.server._engines import LOUD, QUIET


def event(name: str, **fields: Any) -> RealtimeEvent:
    """A client event."""
    return RealtimeEvent.from_json({"type": name, **fields})


def update(**session: Any) -> RealtimeEvent:
    """A `session.update`."""
    return event("session.update", session={"type": "realtime", **session})


def typed(text: str) -> RealtimeEvent:
    """A typed message of the user."""
    content = [{"type": "input_text", "text": text}]
    return event("conversation.item.create", item={"type": "message", "role": "user", "content": content})


class Talks(Protocol):
    """A client's connection, or what stands for one."""

    async def send(self, event: RealtimeEvent, /) -> Any: ...
    async def receive(self, *, timeout: float) -> RealtimeEvent: ...


async def speak(connection: Talks, *, ms: int = 400, silence_ms: int = 600) -> None:
    """Speech, and then silence, in pieces of 100 ms."""
    for _ in range(ms // 100):
        await connection.send(InputAudioBufferAppendEvent.from_audio(LOUD * 100))
    for _ in range(silence_ms // 100):
        await connection.send(InputAudioBufferAppendEvent.from_audio(QUIET * 100))


async def until(connection: Talks, name: str) -> list[RealtimeEvent]:
    """Events up to the first of this type."""
    events: list[RealtimeEvent] = []
    while not events or events[-1].type != name:
        events.append(await connection.receive(timeout=5))
    return events


async def settle(turns: int = 50) -> None:
    """Let every task run until it waits for something."""
    for _ in range(turns):
        await asyncio.sleep(0)


def status(events: list[RealtimeEvent]) -> dict[str, Any]:
    """The response that ended, as JSON."""
    assert isinstance(events[-1], ResponseDoneEvent)
    response: dict[str, Any] = events[-1].to_json()["response"]
    return response


def counts(events: list[RealtimeEvent]) -> Counter[str | None]:
    """How often each type came."""
    return Counter(event.type for event in events)


def audio(events: list[RealtimeEvent]) -> bytes:
    """All speech in these events."""
    return b"".join(event.decode_audio() for event in events if isinstance(event, ResponseAudioDeltaEvent))
