"""Turns of speech: ended by the server's turn detection, or committed by the client."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from duologue.conformance.outcomes import Violation, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, ask, finish, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import BYTES_PER_MS, append_of
from duologue.conformance.wire.trace import WireMessage

__all__ = ["SCENARIOS"]

_SILENCE_MS: Final = 800
"""Longer than any pause in the recording, so that the sentence is one response."""
_IDLE_MS: Final = 5000
"""The shortest idle timeout that may be set."""
_NOTHING_S: Final = 1.0
"""How long to wait for events that must not come."""


def _vad(**more: Any) -> dict[str, Any]:
    return {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": _SILENCE_MS, **more}}}


@scenario("vad.turn", "vad.times", "vad.response")
async def _a_turn_of_speech(context: ScenarioContext) -> None:
    """A sentence and silence; the server responds."""
    async with context.session(audio=_vad(create_response=True)) as connection:
        await context.vital("vad.turn", context.say(connection, "input_audio_buffer.committed"))
        item_id = await context.vital("vad.turn", _user_item(connection))
        context.follows("vad.turn", connection.about(item_id))
        with context.deciding("vad.times"):
            # A call is heard from its beginning, also while nothing is said.
            _times_fit(connection, whole=context.medium == "webrtc")
        with context.deciding("vad.response"):
            connection.rewind(0)
            response = await finish(connection, await connection.until("response.created"))
            expect(response.status == "completed", f"the response ends {response.status}")


@scenario("vad.no_response")
async def _a_turn_without_an_answer(context: ScenarioContext) -> None:
    """A sentence and silence; the server does not respond."""
    async with context.session(audio=_vad(create_response=False)) as connection:
        await context.say(connection, "input_audio_buffer.committed")
        with context.deciding("vad.no_response"):
            await _no_response(connection)


async def _user_item(connection: RawConnection) -> str:
    """Wait until the turn's item is done; returns its id."""
    done = await connection.until("conversation.item.done", where=lambda each: each.get("item.role") == "user")
    committed = connection.first("input_audio_buffer.committed")
    if not committed.ids:
        raise Violation("input_audio_buffer.committed without item_id")
    return str(committed.get("item_id") if committed.ids != done.ids else done.get("item.id"))


def _times_fit(connection: RawConnection, *, whole: bool) -> None:
    sent_ms = (
        sum(len(each.get("audio")) for each in connection.trace.sent("input_audio_buffer.append"))
        * 3
        // 4
        // BYTES_PER_MS
    )
    sent_ms = round(connection.now_s * 1000) if whole else sent_ms
    start = connection.first("input_audio_buffer.speech_started").get("audio_start_ms")
    end = connection.first("input_audio_buffer.speech_stopped").get("audio_end_ms")
    fits = isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= sent_ms
    expect(fits, f"speech from {start} to {end} ms, in {sent_ms} ms of audio")


async def _no_response(connection: RawConnection) -> None:
    unexpected = [
        each.type
        for each in await connection.quiet(min(_NOTHING_S, connection.timeout_s))
        if each.type.startswith("response.")
    ]
    expect(not unexpected, f"{unexpected[0] if unexpected else ''} came without a response.create")


@scenario("manual.commit", "manual.no_response", "manual.no_vad", "manual.clear", "error.commit_short")
async def _push_to_talk(context: ScenarioContext) -> None:
    """The client commits speech, and clears the buffer."""
    async with context.session() as connection:
        began = len(connection.trace.messages)
        await context.speak(connection)
        committed = await context.vital(
            "manual.commit",
            connection.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed"),
        )
        with context.deciding("manual.commit"):
            await connection.until("conversation.item.done")
            context.follows("manual.commit", _about_commit(connection.trace.messages[began:], committed))
        with context.deciding("manual.no_response"):
            await _no_response(connection)
        with context.deciding("manual.no_vad"):
            unexpected = list(
                connection.trace.received("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
            )
            expect(not unexpected, f"{unexpected[0].type if unexpected else ''} without turn detection")
        with context.deciding("manual.clear"):
            await connection.send(append_of(bytes(200 * BYTES_PER_MS)))
            cleared = await connection.send({"type": "input_audio_buffer.clear"})
            await connection.until("input_audio_buffer.cleared")
            context.follows("manual.clear", connection.since(cleared))
        if not context.applies("error.commit_short"):
            return
        await connection.send(append_of(bytes(50 * BYTES_PER_MS)))
        await context.expect_rejection("error.commit_short", connection, {"type": "input_audio_buffer.commit"})


def _about_commit(messages: list[WireMessage], committed: WireMessage) -> list[WireMessage]:
    """The client's events, and the server's events about the committed item."""
    return [each for each in messages if each.side == "C" or each.ids & committed.ids]


@scenario("idle_timeout", "idle_timeout.item")
async def _a_silent_user(context: ScenarioContext) -> None:
    """After an answer, the user stays silent."""
    async with context.session(output_modalities=["audio"], audio=_vad(idle_timeout_ms=_IDLE_MS)) as connection:
        response = await finish(connection, await ask(connection, "Say hello."))
        after = connection.trace.messages.index(response.done)
        await context.vital("idle_timeout", _wait_in_silence(connection, after))
        with context.deciding("idle_timeout"):
            connection.rewind(after + 1)
            created = await connection.until("response.created")
            context.follows(
                "idle_timeout", connection.trace.messages[after : connection.trace.messages.index(created) + 1]
            )
        with context.deciding("idle_timeout.item"):
            connection.rewind(after + 1)
            item = await connection.until("conversation.item.done", where=lambda each: each.get("item.role") == "user")
            context.follows("idle_timeout.item", connection.about(*item.ids))


async def _wait_in_silence(connection: RawConnection, after: int) -> None:
    """Append silence until the idle timeout. In real time, because the server's timer runs in it."""
    deadline_s = connection.now_s + connection.timeout_s + _IDLE_MS / 1000
    while not any(each.type == "input_audio_buffer.timeout_triggered" for each in connection.trace.messages[after:]):
        if connection.now_s > deadline_s:
            raise Violation(f"no input_audio_buffer.timeout_triggered within {deadline_s:.0f} s")
        await connection.send(append_of(bytes(100 * BYTES_PER_MS)))
        await asyncio.sleep(0.1)


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_turn_of_speech, _a_turn_without_an_answer, _push_to_talk, _a_silent_user)
