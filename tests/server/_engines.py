"""Engines that misbehave, and engines that wait until a test lets them go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.errors import EngineError

LOUD = b"\x00\x40" * 24
"""A millisecond of PCM at 24 kHz that the scripted detector calls speech."""
QUIET = bytes(48)
"""A millisecond of silence."""


class Odd:
    """An engine of every kind, whose streams yield these pieces and whose detector returns them.

    A piece that can be called makes an exception, which is raised; at `...` the engine waits for ever.
    """

    name = "odd"
    sample_rate_hz = 24_000
    frame_ms = 20
    voices: tuple[str, ...] = ("one",)
    specialty = "being odd"

    def __init__(self, *pieces: Any, repeatable: bool = False) -> None:
        self._pieces = pieces
        self.repeatable = repeatable
        self.closed = False

    async def _make(self, pieces: tuple[Any, ...]) -> AsyncGenerator[Any, None]:
        try:
            for piece in pieces:
                if callable(piece):
                    fault = cast("BaseException", piece())
                    raise fault  # which now holds this frame, and this frame holds it, as in many an engine
                if piece is ...:
                    await asyncio.Event().wait()
                yield piece
        finally:
            self.closed = True

    def respond(self, request: ResponderRequest, /) -> AsyncGenerator[Any, None]:
        return self._make(self._pieces)

    def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[Any, None]:
        return self._make(self._pieces)

    def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[Any, None]:
        return self._make(self._pieces)

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        return [piece async for piece in self._make(self._pieces)]


class OddOnce(Odd):
    """A responder that answers so once, and then works."""

    def respond(self, request: ResponderRequest, /) -> AsyncGenerator[Any, None]:
        pieces, self._pieces = self._pieces, ("I am fine.",)
        return self._make(pieces)


def failing(words: str = "out of order") -> Odd:
    """An engine that fails at once."""
    return Odd(lambda: EngineError(words, engine="broken"))


class Calling:
    """Says these pieces, words and calls; keeps what it was asked."""

    name = "calling"

    def __init__(self, *pieces: str | FunctionCall) -> None:
        self._pieces = pieces
        self.exchanges: list[ResponderRequest] = []

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        self.exchanges.append(request)
        for piece in self._pieces:
            yield piece


class EndlessResponder:
    """Talks for ever, a word each turn of the loop; records whether it was stopped."""

    name = "endless"

    def __init__(self) -> None:
        self.running = 0
        self.said = 0
        self.stopped = asyncio.Event()

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        self.running += 1
        try:
            while True:
                self.said += 1
                yield f"word {self.said} "
                await asyncio.sleep(0)
        finally:
            self.running -= 1
            self.stopped.set()


class EndlessSynthesizer:
    """Speaks for ever, a second each turn of the loop."""

    name = "endless"
    sample_rate_hz = 24_000
    voices: tuple[str, ...] = ("none",)

    def __init__(self) -> None:
        self.spoken_s = 0

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        while True:
            self.spoken_s += 1
            yield bytes(48_000)
            await asyncio.sleep(0)
