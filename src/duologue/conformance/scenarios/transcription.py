"""Transcription of what the user says."""

from __future__ import annotations

from typing import Final

from duologue.conformance.outcomes import Undecided, expect
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.wire.connector import ConnectOptions
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Message

__all__ = ["SCENARIOS"]

_PREFIX: Final = "conversation.item.input_audio_transcription"
_INPUT: Final = {"transcription": {"model": "gpt-4o-mini-transcribe"}, "turn_detection": None}


@scenario("transcription.turn", "transcription.usage", "transcription.concat")
async def _speech_is_transcribed(bench: Bench) -> None:
    """In a realtime session that asks for it."""
    async with bench.session(audio={"input": _INPUT}) as line:
        completed = await bench.vital("transcription.turn", _transcribe(bench, line))
        bench.follows("transcription.turn", line.about(str(completed.get("item_id"))))
        with bench.deciding("transcription.usage"):
            expect(isinstance(completed.get("usage"), dict), "completed has no usage")
        with bench.deciding("transcription.concat"):
            deltas = [each.get("delta") for each in line.trace.received(f"{_PREFIX}.delta")]
            if not deltas:
                raise Undecided("this model streams no deltas")
            same = "".join(map(str, deltas)).strip() == str(completed.get("transcript")).strip()
            expect(same, "the deltas are not the transcript")


@scenario("connect.transcription", "transcription.object", "transcription.session", "transcription.no_response")
async def _a_session_that_only_transcribes(bench: Bench) -> None:
    """With ?intent=transcription."""
    async with bench.open(ConnectOptions(intent="transcription")) as line:
        created = await bench.vital("connect.transcription", line.until("session.created"))
        bench.follows("connect.transcription", line.trace.messages[:1])
        session = {"type": "transcription", "audio": {"input": _INPUT}}
        updated = await bench.vital(
            "transcription.session",
            line.answer({"type": "session.update", "session": session}, "session.updated"),
        )
        with bench.deciding("transcription.object"):
            for each in (created, updated):
                told = each.get("session.type"), each.get("session.object")
                expect(told == ("transcription", "realtime.transcription_session"), f"{each.type} says {told}")
        completed = await bench.vital("transcription.session", _transcribe(bench, line))
        bench.follows("transcription.session", line.about(str(completed.get("item_id"))))
        with bench.deciding("transcription.no_response"):
            await line.quiet()
            strays = [each.type for each in line.trace.received() if each.type.startswith("response.")]
            expect(not strays, f"{strays[0] if strays else ''} in a session that only transcribes")


async def _transcribe(bench: Bench, line: RawConnection) -> Message:
    """Say something and commit it; what comes of it. Raises Undecided if the transcription fails."""
    await bench.speak(line)
    await line.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed")
    ended = await line.until(f"{_PREFIX}.completed", f"{_PREFIX}.failed")
    if ended.type == f"{_PREFIX}.failed":
        raise Undecided(f"the transcription failed (code {ended.get('error.code')})")
    return ended


SCENARIOS: Final[tuple[Scenario, ...]] = (_speech_is_transcribed, _a_session_that_only_transcribes)
