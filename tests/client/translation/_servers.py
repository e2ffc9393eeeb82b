"""Servers of translations: ours with scripted engines, and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from duologue.engines.scripted import ScriptedTranslator
from duologue.server import RealtimeApp
from duologue.testing import Expect, ScriptedServer, ScriptStep, Send, scripted_engines
from duologue.testing.engines import scripted_app_engines
from tests.server._listening import listening

MODEL = "gpt-realtime-translate"
SESSION: dict[str, Any] = {"id": "sess_1", "type": "translation", "model": MODEL, "expires_at": 1, "audio": {}}
CREATED: dict[str, Any] = {"type": "session.created", "session": SESSION}
UPDATED: dict[str, Any] = {"type": "session.updated", "session": SESSION}
CLOSED: dict[str, Any] = {"type": "session.closed"}


def error(code: str, message: str = "No.", **more: Any) -> dict[str, Any]:
    """An `error` as JSON."""
    told = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": None}
    return {"type": "error", "error": {**told, **more}}


def delta(text: str, at_ms: int = 0) -> dict[str, Any]:
    """A piece of the translation."""
    return {"type": "session.output_transcript.delta", "delta": text, "elapsed_ms": at_ms}


def script(*steps: ScriptStep) -> ScriptedServer:
    """A server that greets, takes the configuration, and then plays these."""
    return ScriptedServer([Send(CREATED), Expect("session.update"), Send(UPDATED), *steps])


def ours(
    *, transcripts: Sequence[str] = ("good morning",), lines: Sequence[str] = ("buenos días",), **settings: Any
) -> AbstractAsyncContextManager[str]:
    """Our server; yields its URL."""
    engines = replace(scripted_engines(transcripts=transcripts), translator=ScriptedTranslator(lines))
    return listening(RealtimeApp(engines=scripted_app_engines(engines), **settings))
