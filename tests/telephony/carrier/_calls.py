"""Calls by the carrier, to an application in memory that joins them with our server and its scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import duologue
from duologue import telephony
from duologue.audio.wav import Sound
from duologue.client import Connection
from duologue.engines.base import FunctionCall
from duologue.events import ConversationItemTruncatedEvent, ErrorEvent, RealtimeEvent
from duologue.server import RealtimeApp
from duologue.telephony.carrier import CallerSays, CallPlan, CallSettings, OutgoingCall
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.testing.sounds import silence, tone
from duologue.transports import memory_pair
from tests.telephony._frames import CODECS

__all__ = ["LONG", "SHORT", "JoinedCall", "joined_call", "says"]

LONG = "This is an answer that goes on for a while, so that there is something to interrupt, and more of it."
SHORT = "Short."


def says(*interrupts_after_ms: int | None, ms: int = 500) -> tuple[CallerSays, ...]:
    """Tones at 24 kHz, which the scripted engines hear as speech."""
    sound = Sound(tone(ms) + silence(20), 24_000)
    return tuple(CallerSays(sound=sound, interrupts_after_ms=after_ms) for after_ms in interrupts_after_ms)


class JoinedCall:
    """A call that is over, or goes on: the carrier's side, and what the session was."""

    def __init__(self, call: OutgoingCall, memory: AppInMemory) -> None:
        self.call = call
        self.memory = memory
        self.events: list[RealtimeEvent] = []

    @property
    def errors(self) -> list[RealtimeEvent]:
        return [each for each in self.events if isinstance(each, ErrorEvent)]

    @property
    def truncated_ms(self) -> list[int]:
        return [each.audio_end_ms for each in self.events if isinstance(each, ConversationItemTruncatedEvent)]


@asynccontextmanager
async def joined_call(
    protocol: str,
    plan: CallPlan,
    settings: CallSettings | None = None,
    *,
    responses: Sequence[str | FunctionCall] = (LONG, SHORT),
    tools: Callable[[telephony.PhoneCall], Sequence[Any]] = lambda call: (),
    record: BytesIO | None = None,
) -> AsyncGenerator[JoinedCall, None]:
    """The call runs while the block does; `await joined.call.run()` in it."""
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=responses))))

    @asynccontextmanager
    async def connect(**named: Any) -> AsyncGenerator[Connection, None]:
        async with memory.transport() as transport, duologue.connect(transport=transport, **named) as connection:
            yield connection

    async def serve() -> None:
        call = await telephony.accept(ours, CODECS[protocol]())
        async with duologue.converse(open_connection=connect, tools=tools(call), record=record) as conversation:
            conversation.on("error", joined.events.append)
            conversation.on("conversation.item.truncated", joined.events.append)
            await call.join(conversation)

    theirs, ours = memory_pair()
    joined = JoinedCall(OutgoingCall(theirs, protocol, plan, settings or CallSettings()), memory)
    serving = asyncio.ensure_future(serve())
    try:
        yield joined
        async with asyncio.timeout(5):
            await serving
    finally:
        serving.cancel()
        await asyncio.wait([serving])
