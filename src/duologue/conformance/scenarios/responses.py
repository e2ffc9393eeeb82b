"""Responses in text and in speech."""

from __future__ import annotations

from typing import Any, Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext, update_session
from duologue.conformance.scenarios.base import LONG, ResponseTrace, Scenario, ask, create, finish, message, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json
from duologue.events.base64_text import decode_base64

__all__ = ["SCENARIOS"]

_CUT_MS: Final = 100
"""Shorter than any answer: saying hello takes longer."""


@scenario("response.text", "response.text_only", "response.usage", "response.metadata")
async def _a_written_answer(context: ScenarioContext) -> None:
    """One response in text."""
    async with context.session() as connection:
        created = await context.vital("response.text", ask(connection, "Say hello.", metadata={"conform": "written"}))
        response = await context.vital("response.text", finish(connection, created))
        context.follows("response.text", response.messages)
        with context.deciding("response.text_only"):
            expect(not response.of("response.output_audio.delta"), "response.output_audio.delta in a written answer")
        with context.deciding("response.usage"):
            usage = response.done.get("response.usage") or {}
            lacking = [name for name in ("total_tokens", "input_tokens", "output_tokens") if name not in usage]
            expect(not lacking, f"response.usage lacks {', '.join(lacking)}")
        with context.deciding("response.metadata"):
            _echoes(response, {"conform": "written"})


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
async def _a_spoken_answer(context: ScenarioContext) -> None:
    """One response in speech, and commands about its item afterwards."""
    async with context.session(output_modalities=["audio"]) as connection:
        created = await context.vital("response.audio", ask(connection, "Say: hello, how are you today?"))
        response = await context.vital("response.audio", finish(connection, created))
        context.follows("response.audio", response.messages)
        with context.deciding("response.text_only"):
            expect(not response.of("response.output_text.delta"), "response.output_text.delta in a spoken answer")
        with context.deciding("response.pcm"):
            expect(_speech_bytes(response) > 0, "a spoken answer without audio")
        await _after_speech(context, connection, response)


async def _after_speech(context: ScenarioContext, connection: RawConnection, response: ResponseTrace) -> None:
    item_id = str(response.done.get("response.output.0.id"))
    truncate = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0}
    whole = response.done.get("response.output.0.content.0.transcript")
    with context.deciding("item.retrieve_speech"):
        part = await _content_of(connection, item_id)
        lacking = [name for name in ("transcript", "audio") if not part.get(name)]
        expect(not lacking, f"the item's content lacks {' and '.join(lacking)}")
    voice = (await update_session(connection)).get("session.audio.output.voice")
    with context.deciding("session.same_voice"):
        if voice is None:
            raise Undecided("the session names no voice")
        await update_session(connection, audio={"output": {"voice": voice}})
    other = {"type": "realtime", "audio": {"output": {"voice": "echo" if voice == "alloy" else "alloy"}}}
    await context.expect_rejection("error.voice_in_use", connection, {"type": "session.update", "session": other})
    await context.expect_rejection("error.truncate_too_late", connection, {**truncate, "audio_end_ms": 3_600_000})
    with context.deciding("item.truncate"):
        truncated = await connection.answer({**truncate, "audio_end_ms": _CUT_MS}, "conversation.item.truncated")
        actual = truncated.get("item_id"), truncated.get("content_index"), truncated.get("audio_end_ms")
        expect(actual == (item_id, 0, _CUT_MS), f"truncated has {actual}")
    with context.deciding("item.truncate_drops_transcript"):
        part = await _content_of(connection, item_id)
        expect(part.get("transcript") != whole, "the transcript of a truncated item is still whole")


async def _content_of(connection: RawConnection, item_id: str) -> Json:
    """The first content part of an item. Raises Undecided if it cannot be retrieved: other rules are about that."""
    try:
        retrieved = await connection.answer(
            {"type": "conversation.item.retrieve", "item_id": item_id}, "conversation.item.retrieved"
        )
    except Violation as fault:
        raise Undecided(str(fault)) from fault
    return retrieved.get("item.content.0") or {}


@scenario("response.empty_conversation")
async def _an_answer_to_nothing(context: ScenarioContext) -> None:
    """A response in a conversation without items."""
    async with context.session() as connection:
        with context.deciding("response.empty_conversation"):
            response = await finish(connection, await connection.answer(create(), "response.created"))
            expect(response.status == "completed", f"the response ends {response.status}")


@scenario("response.max_output_tokens")
async def _an_answer_cut_short(context: ScenarioContext) -> None:
    """A long answer with few tokens."""
    async with context.session() as connection:
        response = await finish(connection, await ask(connection, LONG, max_output_tokens=3))
        with context.deciding("response.max_output_tokens"):
            reason = response.done.get("response.status_details.reason")
            if response.status == "completed" and (response.done.get("response.usage.output_tokens") or 0) <= 3:
                raise Undecided("the answer is not longer than three tokens")
            expect(
                (response.status, reason) == ("incomplete", "max_output_tokens"), f"it ends {response.status}, {reason}"
            )


@scenario("error.response_active")
async def _two_answers_at_once(context: ScenarioContext) -> None:
    """A second response is requested while the first is in progress."""
    async with context.session(output_modalities=["audio"]) as connection:
        with context.deciding("error.response_active"):
            await connection.send(message(LONG))
            first = await connection.send(create())
            await connection.send(create())
            connection.rewind(connection.trace.messages.index(connection.since(first)[0]))
            created = await connection.until("response.created")
            await _second(context, connection, str(created.get("response.id")))


async def _second(context: ScenarioContext, connection: RawConnection, first_id: str) -> None:
    seen = await connection.until("error", "response.created")
    if seen.type == "response.created":
        done = (each for each in connection.trace.received("response.done") if each.get("response.id") == first_id)
        if (first_done := next(done, None)) is not None and connection.trace.precedes(first_done, seen):
            raise Undecided("the first response was done before the second was read")
        raise Violation("two responses are active in one conversation")
    connection.rewind(connection.trace.messages.index(seen))
    await context.await_rejection("error.response_active", connection)


def _echoes(response: ResponseTrace, metadata: dict[str, str]) -> None:
    for each in (response.created, response.done):
        expect(each.get("response.metadata") == metadata, f"{each.type} does not bring the metadata back")


def _speech_bytes(response: ResponseTrace) -> int:
    total = 0
    for each in response.of("response.output_audio.delta"):
        delta: Any = each.get("delta")
        expect(isinstance(delta, str), "an audio delta is no string")
        try:
            n_bytes = len(decode_base64(delta))
        except ValueError as fault:
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
