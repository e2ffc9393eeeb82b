"""Scripted Live servers, and sessions with them that leave no task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import duologue
from duologue.client.asyncio.streams import NoticeStream
from duologue.client.live import Live
from duologue.notices import LiveNotice
from duologue.testing import LIVE_CLOSED, LIVE_STARTED, Close, Expect, ScriptedServer, ScriptStep, Send
from tests.client._waiting import no_task_left

__all__ = [
    "END",
    "RESPONSES",
    "START",
    "answers",
    "call",
    "delegates",
    "error",
    "heard",
    "read_to_the_end",
    "says",
    "serving",
    "session",
    "sound",
    "started",
    "talking",
]

Json = dict[str, Any]

START = (Expect("session.start"), Send(LIVE_STARTED))
END = (Expect("session.close"), Send(LIVE_CLOSED), Close())

RESPONSES: Json = {"delegation": {"type": "responses", "responses": {"model": "text-1"}}}
"""A session that hands work to a Responses model."""


def session(**fields: Any) -> Json:
    """A session as the server has it."""
    return {"id": "live_1", "model": "scripted", "status": "active", "expires_at": 4_000_000_000, **fields}


def started(**fields: Any) -> tuple[ScriptStep, ...]:
    """The start of a session with these settings."""
    return Expect("session.start"), Send({"type": "session.started", "session": session(**fields)})


def serving(*steps: ScriptStep, start: tuple[ScriptStep, ...] = START) -> ScriptedServer:
    """A server of one session, from its start to its end."""
    return ScriptedServer([*start, *steps, *END])


@asynccontextmanager
async def talking(server: ScriptedServer, **options: Any) -> AsyncGenerator[Live, None]:
    """A session with a scripted server; afterwards it has left no task, and the server found no fault."""
    named: dict[str, Any] = {"model": "scripted", **options}
    async with no_task_left(), duologue.live(open_connection=server.open_live, **named) as live:
        yield live
    assert server.faults == []


def says(speaker: str, text: str, start_ms: int, end_ms: int) -> Json:
    """A piece of a transcript."""
    direction = "input" if speaker == "user" else "output"
    return {"type": f"session.{direction}_transcript.delta", "delta": text, "start_ms": start_ms, "end_ms": end_ms}


def sound(audio: str, **fields: Any) -> Json:
    """A piece of the model's sound, base64."""
    return {"type": "session.output_audio.delta", "delta": audio, **fields}


def delegates(delegation_id: str, target: str = "client") -> Json:
    """The model hands over work."""
    delegation = {"id": delegation_id, "type": "delegation", "target": target}
    return {"type": "session.delegation.created", "offset_ms": 1200, "delegation": delegation}


def call(call_id: str, name: str, arguments: str = "{}", delegation_id: str = "item_1") -> Json:
    """The Responses model calls a function."""
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
    return {
        "type": "response.event",
        "delegation_id": delegation_id,
        "event": {"type": "response.output_item.done", "item": item},
    }


def error(**fields: Any) -> Json:
    """An `error` of the server."""
    return {
        "type": "error",
        "error": {"type": "invalid_request_error", "code": "invalid_value", "message": "No.", **fields},
    }


def answers(command: str, type_name: str, **fields: Any) -> Callable[[Mapping[str, Json]], Json]:
    """The answer to the last command of a type, which names it."""
    return lambda last: {"type": type_name, "client_event_id": last[command]["event_id"], **fields}


async def read_to_the_end(live: Live) -> list[LiveNotice]:
    """All notices to the end of the session. Raises TimeoutError after five seconds."""
    async with asyncio.timeout(5):
        return [notice async for notice in live]


async def heard(notices: NoticeStream[Any], count: int = 1) -> list[Any]:
    """The next notices. Raises TimeoutError after five seconds."""
    async with asyncio.timeout(5):
        return [await notices.receive() for _ in range(count)]
