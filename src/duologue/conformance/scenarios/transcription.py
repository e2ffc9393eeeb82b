"""Transcription of the user's speech."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import WireMessage

__all__ = ["SCENARIOS"]

_PREFIX: Final = "conversation.item.input_audio_transcription"
_INPUT: Final = {"transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": None}


@scenario("transcription.turn", "transcription.usage", "transcription.concat")
async def _speech_is_transcribed(context: ScenarioContext) -> None:
    """In a realtime session with transcription."""
    async with context.session(audio={"input": _INPUT}) as connection:
        completed = await context.vital("transcription.turn", _transcribe(context, connection))
        context.follows("transcription.turn", connection.about(str(completed.get("item_id"))))
        with context.deciding("transcription.usage"):
            expect(isinstance(completed.get("usage"), dict), "completed has no usage")
        with context.deciding("transcription.concat"):
            deltas = [each.get("delta") for each in connection.trace.received(f"{_PREFIX}.delta")]
            if not deltas:
                raise Undecided("this model streams no deltas")
            same = "".join(map(str, deltas)).strip() == str(completed.get("transcript")).strip()
            expect(same, "the deltas are not the transcript")


@scenario("connect.transcription", "transcription.object", "transcription.session", "transcription.no_response")
async def _a_session_that_only_transcribes(context: ScenarioContext) -> None:
    """With ?intent=transcription."""
    async with context.open(ConnectOptions(intent="transcription")) as connection:
        created = await context.vital("connect.transcription", connection.until("session.created"))
        context.follows("connect.transcription", connection.trace.messages[:1])
        session = {"type": "transcription", "audio": {"input": _INPUT}}
        updated = await context.vital(
            "transcription.session",
            connection.answer({"type": "session.update", "session": session}, "session.updated"),
        )
        with context.deciding("transcription.object"):
            for each in (created, updated):
                actual = each.get("session.type"), each.get("session.object")
                expect(actual == ("transcription", "realtime.transcription_session"), f"{each.type} has {actual}")
        completed = await context.vital("transcription.session", _transcribe(context, connection))
        context.follows("transcription.session", connection.about(str(completed.get("item_id"))))
        with context.deciding("transcription.no_response"):
            await connection.quiet()
            unexpected = [each.type for each in connection.trace.received() if each.type.startswith("response.")]
            expect(not unexpected, f"{unexpected[0] if unexpected else ''} in a session that only transcribes")


async def _transcribe(context: ScenarioContext, connection: RawConnection) -> WireMessage:
    """Append speech and commit it; returns transcription.completed. Raises Undecided if the transcription fails."""
    await context.speak(connection)
    await connection.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed")
    ended = await connection.until(f"{_PREFIX}.completed", f"{_PREFIX}.failed")
    if ended.type == f"{_PREFIX}.failed":
        raise Undecided(f"the transcription failed (code {ended.get('error.code')})")
    return ended


SCENARIOS: Final[tuple[Scenario, ...]] = (_speech_is_transcribed, _a_session_that_only_transcribes)
