"""The start of a translation session, and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.conformance.outcomes import expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.wire.trace import Json

__all__ = ["SCENARIOS", "update"]

_SETTINGS: Final[tuple[Json, ...]] = (
    {"transcription": {"model": "gpt-realtime-whisper"}},
    {"noise_reduction": {"type": "near_field"}},
    {"transcription": None, "noise_reduction": None},
)


def update(*, language: str | None = None, **input: Any) -> Json:
    """The event that sets the output language, or settings of the input."""
    audio: dict[str, Any] = {}
    if language is not None:
        audio["output"] = {"language": language}
    if input:
        audio["input"] = input
    return {"type": "session.update", "session": {"audio": audio}}


@scenario(
    "translation.connect",
    "translation.session",
    "translation.update",
    "translation.language",
    "translation.sparse",
    "translation.settings",
)
async def _a_translation_session(context: ScenarioContext) -> None:
    """The first event, and what can be set."""
    async with context.open() as connection:
        created = await context.vital("translation.connect", connection.until("session.created"))
        context.follows("translation.connect", connection.trace.messages[:1])
        with context.deciding("translation.session"):
            lacking = [name for name in ("id", "model", "expires_at") if not created.get(f"session.{name}")]
            expect(not lacking, f"session.created lacks {', '.join(lacking)}")
            expect(isinstance(created.get("session.audio"), Mapping), "session.created has no audio")
            kind = created.get("session.type")
            expect(kind == "translation", f"session.created is of type {kind}")
        begin = len(connection.trace.messages)
        await context.vital("translation.update", connection.answer(update(language="es"), "session.updated"))
        context.follows("translation.update", connection.trace.messages[begin:])
        with context.deciding("translation.language"):
            for language in ("fr", "es"):
                updated = await connection.answer(update(language=language), "session.updated")
                found = updated.get("session.audio.output.language")
                expect(found == language, f"the language is {found}")
        with context.deciding("translation.settings"):
            for each in _SETTINGS:
                await connection.answer(update(**each), "session.updated")
        with context.deciding("translation.sparse"):
            updated = await connection.answer(update(noise_reduction=None), "session.updated")
            expect(updated.get("session.audio.output.language") == "es", "an update of the input changed the language")


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_translation_session,)
