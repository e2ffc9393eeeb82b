"""A fake server of the beta: it answers each command as the beta did, and sends nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from duologue.conformance import ConnectOptions, NotApplicable, OpenTransport
from duologue.errors import ConnectionClosed
from duologue.transports import Transport, memory_pair
from duologue.transports.memory import MemoryTransport

Event = dict[str, Any]


@asynccontextmanager
async def beta_server(*, without: str = "") -> AsyncGenerator[OpenTransport, None]:
    """A function that opens sessions with it; it never sends events of the type `without`."""
    running: list[asyncio.Task[None]] = []

    async def open_transport(options: ConnectOptions) -> Transport:
        if options == ConnectOptions():
            return memory_pair()[0]
        if not options.beta:
            raise NotApplicable("a pipe in memory has no headers")
        ours, theirs = memory_pair()
        running.append(asyncio.ensure_future(_serve(theirs, options.intent, without)))
        return ours

    try:
        yield open_transport
    finally:
        await asyncio.wait_for(asyncio.gather(*running), 5)


async def _serve(transport: MemoryTransport, intent: str | None, without: str) -> None:
    sent = 0

    async def send(*events: Event) -> None:
        nonlocal sent
        for event in events:
            if event["type"] != without:
                sent += 1
                await transport.send(msgspec.json.encode({"event_id": f"event_{sent}", **event}).decode())

    if intent == "transcription":
        await send({"type": "transcription_session.created", "session": {}})
    else:
        await send({"type": "session.created", "session": {"modalities": ["text"]}}, {"type": "conversation.created"})
    items = 0
    try:
        while True:
            command: Event = msgspec.json.decode(await transport.receive())
            items += command["type"] != "input_audio_buffer.append"
            await send(*_answers(command, f"item_{items}"))
    except ConnectionClosed:
        return


def _answers(command: Event, item_id: str) -> Iterator[Event]:
    match command["type"]:
        case "session.update":
            yield {"type": "session.updated"}
        case "transcription_session.update":
            yield {"type": "transcription_session.updated"}
        case "conversation.item.create":
            yield {"type": "conversation.item.created", "item": {"id": item_id}}
        case "input_audio_buffer.commit":
            yield {"type": "input_audio_buffer.committed", "item_id": item_id}
            yield {"type": "conversation.item.created", "item": {"id": item_id, "role": "user"}}
        case "response.create":
            yield from _response(item_id, speaks="audio" in command["response"]["modalities"])
        case _:
            pass


def _response(item_id: str, *, speaks: bool) -> Iterator[Event]:
    streams = ("audio_transcript", "audio") if speaks else ("text",)
    about = {"response_id": "resp_1", "item_id": item_id}
    item = {"id": item_id, "role": "assistant"}
    yield {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
    yield {"type": "response.output_item.added", "response_id": "resp_1", "item": item}
    yield {"type": "conversation.item.created", "item": item}
    yield {"type": "response.content_part.added", **about}
    for kind in ("delta", "done"):
        for stream in streams:
            yield {"type": f"response.{stream}.{kind}", **about}
    yield {"type": "response.content_part.done", **about}
    yield {"type": "response.output_item.done", "response_id": "resp_1", "item": item}
    yield {"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}
