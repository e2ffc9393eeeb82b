"""Makes a response from its context: the responder and the synthesizer run concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Any, Protocol, TypeVar

from duologue.audio.formats import Encoding
from duologue.audio.resampling import ResampleStream
from duologue.engines.base import FunctionCall, Responder, ResponderRequest, Synthesizer
from duologue.engines.registry import Engines
from duologue.server.session.clauses import Clauses

__all__ = ["ResponseSink", "ToAnswer", "answer", "closing"]


class ToAnswer(Protocol):
    """How to make a response: the protocol's `Respond`, or what stands for it."""

    @property
    def text(self) -> str | None:
        """What to say word for word; None: the responder answers."""
        ...

    @property
    def speak(self) -> bool:
        """False: text only."""
        ...

    @property
    def encoding(self) -> Encoding: ...

    @property
    def voice(self) -> str: ...

    @property
    def speed(self) -> float: ...


class ResponseSink(Protocol):
    """Takes a response piece by piece. Each method waits while the client is too far behind."""

    async def text(self, piece: str, /) -> bool:
        """The next piece of text. Returns whether more is wanted."""
        ...

    async def clause(self, clause: str, /) -> None:
        """The text that the next audio speaks."""
        ...

    async def audio(self, audio: bytes, /) -> None:
        """The next piece of speech, in the response's encoding."""
        ...

    async def call(self, call: FunctionCall, /) -> None:
        """The model calls a function; all text and audio before it has been reported."""
        ...


_Take = Callable[[str | FunctionCall], Awaitable[bool]]
"""Takes a piece of a responder; returns whether more is wanted."""

_CLAUSES_AHEAD = 4
"""How many clauses the responder may be ahead of the synthesizer; an interruption drops them."""


async def answer(command: ToAnswer, request: ResponderRequest, engines: Engines, sink: ResponseSink) -> None:
    """Make one response and report it to `sink`. Cancelling stops both engines.

    Raises:
        EngineError: an engine failed; what was reported before stays valid.
    """
    responder = engines.responder if command.text is None else _Verbatim(command.text)
    if not command.speak:
        await _think(responder, request, _writing(sink))
        return
    to_speak: asyncio.Queue[str | FunctionCall | None] = asyncio.Queue(_CLAUSES_AHEAD)
    cutter = Clauses()

    async def send_and_speak(piece: str | FunctionCall) -> bool:
        if isinstance(piece, FunctionCall):
            # The speech of the text before is complete first (rule `response.audio_and_function_call`).
            await speak_rest()
            await to_speak.put(piece)
            await to_speak.join()
            return True
        more_is_wanted = await sink.text(piece)
        for clause in cutter.add(piece):
            await to_speak.put(clause)
        return more_is_wanted

    async def speak_rest() -> None:
        for clause in cutter.rest():
            await to_speak.put(clause)

    async def write() -> None:
        await _think(responder, request, send_and_speak)
        await speak_rest()
        await to_speak.put(None)

    await _together(write(), _speak(engines.synthesizer, to_speak, command, sink))


class _Verbatim:
    """Says what it was given."""

    name = "verbatim"

    def __init__(self, text: str) -> None:
        self._text = text

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        yield self._text


async def _together(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Run both concurrently. The first exception cancels the other, and is raised unchanged."""
    # Not a TaskGroup: the traceback of the exception that ends it refers to that exception. Such a cycle keeps the
    # session with all its audio in memory until a garbage collection, and each interruption would make one.
    first, second = asyncio.ensure_future(one), asyncio.ensure_future(other)  # noqa: TID251 - both have ended below
    try:
        await asyncio.gather(first, second)
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        del first, second  # they refer to the exception, whose traceback refers to this frame


def _writing(sink: ResponseSink) -> _Take:
    """Reports the pieces of a response without speech."""

    async def write(piece: str | FunctionCall) -> bool:
        if isinstance(piece, str):
            return await sink.text(piece)
        await sink.call(piece)
        return True

    return write


async def _think(responder: Responder, request: ResponderRequest, take: _Take) -> None:
    """Give each piece of the responder to `take`, until no more is wanted."""
    async with closing(responder.respond(request)) as pieces:
        async for piece in pieces:
            if not await take(piece):
                return


async def _speak(
    synthesizer: Synthesizer, to_speak: asyncio.Queue[str | FunctionCall | None], command: ToAnswer, sink: ResponseSink
) -> None:
    """Speak the clauses and report the calls of a queue, in order, until None."""
    encoding = command.encoding
    resampling = ResampleStream(synthesizer.sample_rate_hz, encoding.rate_hz)

    async def play_rest() -> None:
        if rest := encoding.from_pcm16(resampling.flush()):
            await sink.audio(rest)

    while (piece := await to_speak.get()) is not None:
        if isinstance(piece, FunctionCall):
            await play_rest()
            resampling = ResampleStream(synthesizer.sample_rate_hz, encoding.rate_hz)
            await sink.call(piece)
        else:
            await sink.clause(piece)
            async with closing(synthesizer.synthesize(piece, voice=command.voice, speed=command.speed)) as spoken:
                async for pcm16 in spoken:
                    await sink.audio(encoding.from_pcm16(resampling.push(pcm16)))
        to_speak.task_done()
    await play_rest()


T = TypeVar("T")


def closing(pieces: AsyncIterator[T]) -> AbstractAsyncContextManager[AsyncIterator[T]]:
    """Closes an async generator at the end of the block, so that its engine stops; nothing for other iterators."""
    return aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext(pieces)
