"""Engines that misbehave, and engines that wait until a test lets them go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.errors import EngineError

LOUD = b"\x00\x40" * 24
"""A millisecond of PCM at 24 kHz that the scripted detector calls speech."""
QUIET = bytes(48)
"""A millisecond of silence."""


class BrokenResponder:
    """Says two words, and then fails once; afterwards it works."""

    name = "broken"

    def __init__(self, fault: Exception) -> None:
        self._fault: Exception | None = fault

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
        yield "Well, "
        yield "I "
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        yield "am fine."


class BrokenSynthesizer:
    """Cannot speak."""

    name = "broken"
    sample_rate_hz = 24_000
    voices: tuple[str, ...] = ("none",)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        if text:
            raise EngineError("no voice today", engine="broken")
        yield b""


class BrokenTranscriber:
    """Fails on all audio."""

    name = "broken"
    sample_rate_hz = 24_000

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        if pcm16:
            raise EngineError("no ears today", engine="broken")
        yield ""


class BrokenDetector:
    """Fails at the first audio."""

    sample_rate_hz = 24_000
    frame_ms = 20

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        raise EngineError("no frames today", engine="broken")


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
