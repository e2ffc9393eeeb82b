"""What our server sends in a dialect: one call with typed and spoken turns, a tool, a refusal, and two modalities."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, get_args

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect

from duologue.codec import encode
from duologue.dialects import PROFILES
from duologue.engines.base import FunctionCall
from duologue.events import AnyClientEvent, RealtimeEvent
from duologue.events.base import encode_audio
from duologue.testing import scripted_engines
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening, scripted_app
from tests.server._talking import event, typed, update

__all__ = ["CLIENT_EVENTS", "served_frames"]

CLIENT_EVENTS: Final = frozenset(str(cls.__struct_config__.tag) for cls in get_args(AnyClientEvent))

_TOOL: Final = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_WAIT_S: Final = 5


async def served_frames(dialect: str) -> list[dict[str, Any]]:
    """All frames of one call."""
    call = FunctionCall(name="get_weather", arguments='{"city":"Rome"}')
    lines: list[str | FunctionCall] = ["I look it up.", call, "It is warm."]
    engines = scripted_engines(transcripts=["How warm is it?"], responses=lines)
    async with listening(scripted_app(engines, dialect=dialect)) as url, websockets_connect(url) as socket:
        return await _Call(socket, dialect).made()


class _Call:
    def __init__(self, socket: ClientConnection, dialect: str) -> None:
        self._socket = socket
        self._dialect = dialect
        self._profile = PROFILES[dialect]
        self._frames: list[dict[str, Any]] = []
        self._canonical: list[RealtimeEvent] = []

    async def made(self) -> list[dict[str, Any]]:
        await self._until("session.created")
        await self._send(
            update(
                instructions="Use the tool.",
                tools=[_TOOL],
                audio={"input": {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "server_vad"}}},
            )
        )
        await self._until("session.updated")
        await self._send(typed("What is the weather in Rome?"), event("response.create"))
        await self._until("response.done")
        await self._send(event("response.create"))
        await self._until("response.done")
        call_id = next(frame["call_id"] for frame in self._frames if "call_id" in frame)
        await self._send(
            event(
                "conversation.item.create", item={"type": "function_call_output", "call_id": call_id, "output": "30"}
            ),
            event("response.create", response={"output_modalities": ["text"]}),
        )
        await self._until("response.done")
        await self._speak()
        await self._until("response.done")
        await self._send(event("response.cancel"))
        await self._until("error")
        return self._frames

    async def _speak(self) -> None:
        rate_hz = (self._profile.input_rates_hz or (24_000,))[0]
        for piece in (LOUD,) * 400 + (QUIET,) * 700:
            sound = encode_audio(piece[: rate_hz // 500])
            await self._send(event("input_audio_buffer.append", audio=sound))

    async def _send(self, *events: RealtimeEvent) -> None:
        for one in events:
            await self._socket.send(encode(one, dialect=self._dialect).decode())

    async def _until(self, name: str) -> None:
        async with asyncio.timeout(_WAIT_S):
            while True:
                frame = json.loads(await self._socket.recv())
                self._frames.append(frame)
                if self._profile.canonical(str(frame.get("type"))) == name:
                    return
