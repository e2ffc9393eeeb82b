"""From a response's context to text and speech: responder and synthesizer side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from datetime import datetime
from typing import TypeVar

from duologue.audio.resampling import ResampleStream
from duologue.engines.base import Exchange, Message, Responder, Synthesizer
from duologue.engines.registry import Engines
from duologue.events import ConversationItem, FunctionCallItem, FunctionCallOutputItem, MessageItem
from duologue.protocol import Respond
from duologue.server.clauses import Clauses

__all__ = ["Tell", "answer", "closing", "exchange_of"]

Tell = Callable[[str], Awaitable[None]]
"""Takes the next piece of text; waits while the client is behind."""

_Play = Callable[[bytes], Awaitable[None]]
"""Takes the next piece of speech, in the response's encoding; waits while the client is behind."""

_CLAUSES_AHEAD = 4
"""A responder may be this far ahead of the voice; more would only be thrown away at the next interruption."""


async def answer(command: Respond, exchange: Exchange, engines: Engines, *, tell: Tell, play: _Play) -> None:
    """Make one response. Cancelling stops both engines.

    Raises:
        EngineError: an engine failed; what was told and played before stands.
    """
    if not command.speak:
        await _think(engines.responder, exchange, tell)
        return
    clauses: asyncio.Queue[str | None] = asyncio.Queue(_CLAUSES_AHEAD)
    cutter = Clauses()

    async def tell_and_speak(piece: str) -> None:
        await tell(piece)
        for clause in cutter.add(piece):
            await clauses.put(clause)

    async def write() -> None:
        await _think(engines.responder, exchange, tell_and_speak)
        for clause in cutter.rest():
            await clauses.put(clause)
        await clauses.put(None)

    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(write())
            both.create_task(_speak(engines.synthesizer, clauses, command, play))
    except* Exception as faults:
        # The first failure cancelled the other half; one cause is what the caller can use.
        first = faults.exceptions[0]
        raise first from first.__cause__


async def _think(responder: Responder, exchange: Exchange, tell: Tell) -> None:
    """Pass on the responder's text, piece by piece."""
    async with closing(responder.respond(exchange)) as pieces:
        async for piece in pieces:
            if isinstance(piece, str):
                await tell(piece)


async def _speak(synthesizer: Synthesizer, clauses: asyncio.Queue[str | None], command: Respond, play: _Play) -> None:
    """Speak clauses until None comes."""
    encoding = command.encoding
    resampling = ResampleStream(synthesizer.sample_rate_hz, encoding.rate_hz)
    while (clause := await clauses.get()) is not None:
        async with closing(synthesizer.synthesize(clause, voice=command.voice, speed=command.speed)) as pieces:
            async for pcm16 in pieces:
                await play(encoding.from_pcm16(resampling.push(pcm16)))
    await play(encoding.from_pcm16(resampling.flush()))


def exchange_of(command: Respond, *, session_id: str, session_age_s: float) -> Exchange:
    """What the responder is asked."""
    return Exchange(
        messages=tuple(message for item in command.context if (message := _message_of(item)) is not None),
        instructions=command.instructions,
        max_output_tokens=command.max_output_tokens,
        now=datetime.now().astimezone(),
        session_id=session_id,
        model=command.model,
        voice=command.voice,
        turn=command.turn,
        session_age_s=session_age_s,
    )


def _message_of(item: ConversationItem) -> Message | None:
    """An item as a responder reads it; None for one without words."""
    match item:
        case MessageItem(role="system" | "user" | "assistant" as role):
            words = [
                words
                for part in item.content
                for name in ("text", "transcript")
                if isinstance(words := getattr(part, name, None), str) and words
            ]
            return Message(role, " ".join(words)) if words else None
        case FunctionCallItem():
            return Message("assistant", f"[called {item.name} with {item.arguments}]")
        case FunctionCallOutputItem():
            return Message("user", f"[the call returned {item.output}]")
        case _:
            return None


T = TypeVar("T")


def closing(pieces: AsyncIterator[T]) -> AbstractAsyncContextManager[AsyncIterator[T]]:
    """Closes a stream at the end of the block, so that its engine stops; a plain iterator has nothing to close."""
    return aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext(pieces)
