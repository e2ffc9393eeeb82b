"""Responses, in writing and in speech."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any, Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import Bench, configure
from duologue.conformance.scenarios.base import LONG, Scenario, Turn, ask, create, finish, message, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json

__all__ = ["SCENARIOS"]

_CUT_MS: Final = 100
"""Less than any answer lasts: nobody says hello in it."""


@scenario("response.text", "response.text_only", "response.usage", "response.metadata")
async def _a_written_answer(bench: Bench) -> None:
    """One turn in writing."""
    async with bench.session() as line:
        created = await bench.vital("response.text", ask(line, "Say hello.", metadata={"conform": "written"}))
        turn = await bench.vital("response.text", finish(line, created))
        bench.follows("response.text", turn.messages)
        with bench.deciding("response.text_only"):
            expect(not turn.of("response.output_audio.delta"), "response.output_audio.delta in a written answer")
        with bench.deciding("response.usage"):
            usage = turn.done.get("response.usage") or {}
            lacking = [name for name in ("total_tokens", "input_tokens", "output_tokens") if name not in usage]
            expect(not lacking, f"response.usage lacks {', '.join(lacking)}")
        with bench.deciding("response.metadata"):
            _echoes(turn, {"conform": "written"})


@scenario(
    "response.audio",
    "response.text_only",
    "response.pcm",
    "item.retrieve_speech",
    "session.same_voice",
    "error.voice_in_use",
    "error.truncate_too_late",
    "item.truncate",
    "item.truncate_drops_transcript",
)
async def _a_spoken_answer(bench: Bench) -> None:
    """One turn in speech, and what is done with it afterwards."""
    async with bench.session(output_modalities=["audio"]) as line:
        created = await bench.vital("response.audio", ask(line, "Say: hello, how are you today?"))
        turn = await bench.vital("response.audio", finish(line, created))
        bench.follows("response.audio", turn.messages)
        with bench.deciding("response.text_only"):
            expect(not turn.of("response.output_text.delta"), "response.output_text.delta in a spoken answer")
        with bench.deciding("response.pcm"):
            expect(_speech_bytes(turn) > 0, "a spoken answer without audio")
        await _after_speech(bench, line, turn)


async def _after_speech(bench: Bench, line: RawConnection, turn: Turn) -> None:
    item_id = str(turn.done.get("response.output.0.id"))
    truncate = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0}
    whole = turn.done.get("response.output.0.content.0.transcript")
    with bench.deciding("item.retrieve_speech"):
        part = await _content_of(line, item_id)
        lacking = [name for name in ("transcript", "audio") if not part.get(name)]
        expect(not lacking, f"the item's content lacks {' and '.join(lacking)}")
    voice = (await configure(line)).get("session.audio.output.voice")
    with bench.deciding("session.same_voice"):
        if voice is None:
            raise Undecided("the session names no voice")
        await configure(line, audio={"output": {"voice": voice}})
    other = {"type": "realtime", "audio": {"output": {"voice": "echo" if voice == "alloy" else "alloy"}}}
    await bench.refused("error.voice_in_use", line, {"type": "session.update", "session": other})
    await bench.refused("error.truncate_too_late", line, {**truncate, "audio_end_ms": 3_600_000})
    with bench.deciding("item.truncate"):
        truncated = await line.answer({**truncate, "audio_end_ms": _CUT_MS}, "conversation.item.truncated")
        told = truncated.get("item_id"), truncated.get("content_index"), truncated.get("audio_end_ms")
        expect(told == (item_id, 0, _CUT_MS), f"truncated says {told}")
    with bench.deciding("item.truncate_drops_transcript"):
        part = await _content_of(line, item_id)
        expect(part.get("transcript") != whole, "the transcript of a truncated item is still whole")


async def _content_of(line: RawConnection, item_id: str) -> Json:
    """The first part of an item. Raises Undecided if it cannot be had: other rules are about that."""
    try:
        retrieved = await line.answer(
            {"type": "conversation.item.retrieve", "item_id": item_id}, "conversation.item.retrieved"
        )
    except Violation as fault:
        raise Undecided(str(fault)) from fault
    return retrieved.get("item.content.0") or {}


@scenario("response.empty_conversation")
async def _an_answer_to_nothing(bench: Bench) -> None:
    """A response is asked for before anything was said."""
    async with bench.session() as line:
        with bench.deciding("response.empty_conversation"):
            turn = await finish(line, await line.answer(create(), "response.created"))
            expect(turn.status == "completed", f"the response ends {turn.status}")


@scenario("response.max_output_tokens")
async def _an_answer_cut_short(bench: Bench) -> None:
    """A long answer with few tokens."""
    async with bench.session() as line:
        turn = await finish(line, await ask(line, LONG, max_output_tokens=3))
        with bench.deciding("response.max_output_tokens"):
            reason = turn.done.get("response.status_details.reason")
            if turn.status == "completed" and (turn.done.get("response.usage.output_tokens") or 0) <= 3:
                raise Undecided("the answer is not longer than three tokens")
            expect((turn.status, reason) == ("incomplete", "max_output_tokens"), f"it ends {turn.status}, {reason}")


@scenario("error.response_active")
async def _two_answers_at_once(bench: Bench) -> None:
    """A second response is asked for while the first is under way."""
    async with bench.session(output_modalities=["audio"]) as line:
        with bench.deciding("error.response_active"):
            await line.send(message(LONG))
            first = await line.send(create())
            await line.send(create())
            line.rewind(line.trace.messages.index(line.since(first)[0]))
            created = await line.until("response.created")
            await _second(bench, line, str(created.get("response.id")))


async def _second(bench: Bench, line: RawConnection, first_id: str) -> None:
    seen = await line.until("error", "response.created")
    if seen.type == "response.created":
        done = (each for each in line.trace.received("response.done") if each.get("response.id") == first_id)
        if (first_done := next(done, None)) is not None and line.trace.precedes(first_done, seen):
            raise Undecided("the first response was done before the second was read")
        raise Violation("two responses are active in one conversation")
    line.rewind(line.trace.messages.index(seen))
    await bench.invalid("error.response_active", line)


def _echoes(turn: Turn, metadata: dict[str, str]) -> None:
    for each in (turn.created, turn.done):
        expect(each.get("response.metadata") == metadata, f"{each.type} does not bring the metadata back")


def _speech_bytes(turn: Turn) -> int:
    total = 0
    for each in turn.of("response.output_audio.delta"):
        delta: Any = each.get("delta")
        try:
            n_bytes = len(b64decode(delta, validate=True))
        except (NotBase64, TypeError, ValueError) as fault:
            raise Violation("an audio delta is no base64") from fault
        expect(n_bytes % 2 == 0, f"an audio delta of {n_bytes} bytes cuts a sample in two")
        total += n_bytes
    return total


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _a_written_answer,
    _a_spoken_answer,
    _an_answer_to_nothing,
    _an_answer_cut_short,
    _two_answers_at_once,
)
