"""Speech, its translation, and the end of a session."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Violation, expect
from duologue.conformance.rulebook.any_session import pcm_of
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.translation.sessions import update
from duologue.conformance.wire.audio_feed import AudioFeed
from duologue.conformance.wire.speech_sample import speech
from duologue.conformance.wire.trace import WireMessage

__all__ = ["SCENARIOS"]

_APPEND: Final = "session.input_audio_buffer.append"
_AUDIO: Final = "session.output_audio.delta"
_TEXT: Final = "session.output_transcript.delta"
_SOURCE: Final = "session.input_transcript.delta"
_TRANSCRIBED: Final = {"model": "gpt-realtime-whisper"}


def _is_sound(message: WireMessage) -> bool:
    return any(pcm_of(message) or b"")


@scenario(
    "translation.text",
    "translation.speech",
    "translation.source_text",
    "translation.basic",
    "translation.rest",
    "translation.close.socket",
)
async def _a_sentence_in_another_language(context: ScenarioContext) -> None:
    """A sentence with input transcription, and a close."""
    async with context.open() as connection:
        await connection.until("session.created")
        await connection.answer(update(language="es", transcription=_TRANSCRIBED), "session.updated")
        at = len(connection.trace.messages)
        async with AudioFeed.on(connection, append=_APPEND) as feed:
            await feed.say(speech())
            for rule_id, type in (
                ("translation.text", _TEXT),
                ("translation.speech", _AUDIO),
                ("translation.source_text", _SOURCE),
            ):
                with context.deciding(rule_id):
                    connection.rewind(at)
                    await connection.until(type, where=_is_sound if type == _AUDIO else None)
        with context.deciding("translation.rest"):
            await connection.answer({"type": "session.close"}, "session.closed")
        context.follows("translation.basic", connection.trace.messages)
        with context.deciding("translation.close.socket"):
            await connection.ended()


@scenario("translation.no_source_text", "translation.rest")
async def _a_sentence_that_is_closed_at_once(context: ScenarioContext) -> None:
    """A sentence without input transcription; the session is closed right behind it."""
    async with context.open() as connection:
        await connection.until("session.created")
        await connection.answer(update(language="es", transcription=None), "session.updated")
        async with AudioFeed.on(connection, append=_APPEND) as feed:
            await feed.say(speech())
        with context.deciding("translation.rest"):
            await connection.answer({"type": "session.close"}, "session.closed")
            if not any(connection.trace.received(_TEXT)):
                raise Violation("session.closed comes before any translation of what was said")
        with context.deciding("translation.no_source_text"):
            source = list(connection.trace.received(_SOURCE))
            expect(not source, f"{_SOURCE} came")


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_sentence_in_another_language, _a_sentence_that_is_closed_at_once)
