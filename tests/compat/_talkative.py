"""Servers for the tests with clients of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from duologue.engines.embedded.responder import EmbeddedResponder
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedResponder, ScriptedTranslator
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines

__all__ = ["SPOKEN_MS", "embedded", "holding", "interpreter", "scripted"]

SPOKEN_MS = 1000


class HoldingSynthesizer:
    """Speaks for a second and then waits until it is stopped, so that every interruption comes in time."""

    name = "holding"
    sample_rate_hz = 24_000
    voices: tuple[str, ...] = ("none",)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        yield b"\x00\x10" * 24 * SPOKEN_MS
        await asyncio.Event().wait()


def scripted() -> RealtimeApp:
    """Transcribes and says the same text each time."""
    engines = scripted_engines(transcripts=("what is this",), responses=("This is a script.",))
    return RealtimeApp(engines=scripted_app_engines(engines), api_key="open")


def holding() -> RealtimeApp:
    """Never ends a spoken response by itself."""
    plain = scripted_engines(transcripts=("stop it",))
    engines = Engines(plain.new_detector, plain.transcriber, ScriptedResponder(("Well, now.",)), HoldingSynthesizer())
    return RealtimeApp(engines=scripted_app_engines(engines), api_key="open")


def embedded(*transcripts: str, **settings: Any) -> RealtimeApp:
    """Obeys requests in English, also for calls of functions. Hears one transcript after the other."""
    plain = scripted_engines(transcripts=transcripts or ("hello",))
    engines = Engines(plain.new_detector, plain.transcriber, EmbeddedResponder(), plain.synthesizer)
    return RealtimeApp(engines=scripted_app_engines(engines), api_key="open", **settings)


def interpreter() -> RealtimeApp:
    """Hears the same words each time, and says the same translation."""
    engines = replace(scripted_engines(transcripts=("good morning",)), translator=ScriptedTranslator(("buenos días",)))
    return RealtimeApp(engines=scripted_app_engines(engines), api_key="open")
