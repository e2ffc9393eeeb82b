"""Turns of speech, found by the server or cut by the client."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from duologue.conformance.outcomes import Violation, expect
from duologue.conformance.scenario_context import Bench
from duologue.conformance.scenarios.base import Scenario, ask, finish, scenario
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.speech_sample import BYTES_PER_MS, append_of
from duologue.conformance.wire.trace import Message

__all__ = ["SCENARIOS"]

_SILENCE_MS: Final = 800
"""Longer than any pause in the recording, so that the sentence is one turn."""
_IDLE_MS: Final = 5000
"""The shortest that may be asked for."""
_NOTHING_S: Final = 1.0
"""How long a server has to do what it must not do."""


def _vad(**more: Any) -> dict[str, Any]:
    return {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": _SILENCE_MS, **more}}}


@scenario("vad.turn", "vad.times", "vad.response")
async def _a_turn_of_speech(bench: Bench) -> None:
    """A sentence, silence, an answer."""
    async with bench.session(audio=_vad(create_response=True)) as line:
        await bench.vital("vad.turn", bench.say(line, "input_audio_buffer.committed"))
        item_id = await bench.vital("vad.turn", _heard_item(line))
        bench.follows("vad.turn", line.about(item_id))
        with bench.deciding("vad.times"):
            _times_fit(line)
        with bench.deciding("vad.response"):
            line.rewind(0)
            turn = await finish(line, await line.until("response.created"))
            expect(turn.status == "completed", f"the response ends {turn.status}")


@scenario("vad.no_response")
async def _a_turn_without_an_answer(bench: Bench) -> None:
    """A sentence and silence, and the client decides."""
    async with bench.session(audio=_vad(create_response=False)) as line:
        await bench.say(line, "input_audio_buffer.committed")
        with bench.deciding("vad.no_response"):
            await _no_response(line)


async def _heard_item(line: RawConnection) -> str:
    """Wait until the turn's item is done; its id."""
    done = await line.until("conversation.item.done", where=lambda each: each.get("item.role") == "user")
    committed = line.first("input_audio_buffer.committed")
    if not committed.ids:
        raise Violation("input_audio_buffer.committed without item_id")
    return str(committed.get("item_id") if committed.ids != done.ids else done.get("item.id"))


def _times_fit(line: RawConnection) -> None:
    sent_ms = (
        sum(len(each.get("audio")) for each in line.trace.sent("input_audio_buffer.append")) * 3 // 4 // BYTES_PER_MS
    )
    start = line.first("input_audio_buffer.speech_started").get("audio_start_ms")
    end = line.first("input_audio_buffer.speech_stopped").get("audio_end_ms")
    fits = isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= sent_ms
    expect(fits, f"speech from {start} to {end} ms, in {sent_ms} ms of audio")


async def _no_response(line: RawConnection) -> None:
    strays = [
        each.type for each in await line.quiet(min(_NOTHING_S, line.patience_s)) if each.type.startswith("response.")
    ]
    expect(not strays, f"{strays[0] if strays else ''} came, and nobody asked for it")


@scenario("manual.commit", "manual.no_response", "manual.no_vad", "manual.clear", "error.commit_short")
async def _push_to_talk(bench: Bench) -> None:
    """Speech is cut by the client."""
    async with bench.session() as line:
        began = len(line.trace.messages)
        await bench.speak(line)
        committed = await bench.vital(
            "manual.commit",
            line.answer({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed"),
        )
        with bench.deciding("manual.commit"):
            await line.until("conversation.item.done")
            bench.follows("manual.commit", _exchange(line.trace.messages[began:], committed))
        with bench.deciding("manual.no_response"):
            await _no_response(line)
        with bench.deciding("manual.no_vad"):
            strays = list(line.trace.received("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"))
            expect(not strays, f"{strays[0].type if strays else ''} without turn detection")
        with bench.deciding("manual.clear"):
            await line.send(append_of(bytes(200 * BYTES_PER_MS)))
            cleared = await line.send({"type": "input_audio_buffer.clear"})
            await line.until("input_audio_buffer.cleared")
            bench.follows("manual.clear", line.since(cleared))
        await line.send(append_of(bytes(50 * BYTES_PER_MS)))
        await bench.refused("error.commit_short", line, {"type": "input_audio_buffer.commit"})


def _exchange(messages: list[Message], committed: Message) -> list[Message]:
    """What the client sent, and what the server says about the committed item."""
    return [each for each in messages if each.side == "C" or each.ids & committed.ids]


@scenario("idle_timeout", "idle_timeout.item")
async def _a_silent_user(bench: Bench) -> None:
    """After an answer, nobody says anything."""
    async with bench.session(output_modalities=["audio"], audio=_vad(idle_timeout_ms=_IDLE_MS)) as line:
        turn = await finish(line, await ask(line, "Say hello."))
        after = line.trace.messages.index(turn.done)
        await bench.vital("idle_timeout", _wait_in_silence(line, after))
        with bench.deciding("idle_timeout"):
            line.rewind(after + 1)
            created = await line.until("response.created")
            bench.follows("idle_timeout", line.trace.messages[after : line.trace.messages.index(created) + 1])
        with bench.deciding("idle_timeout.item"):
            line.rewind(after + 1)
            item = await line.until("conversation.item.done", where=lambda each: each.get("item.role") == "user")
            bench.follows("idle_timeout.item", line.about(*item.ids))


async def _wait_in_silence(line: RawConnection, after: int) -> None:
    """A microphone that hears nothing, until the server has had enough of it. In real time: the timer runs in it."""
    deadline_s = line.now_s + line.patience_s + _IDLE_MS / 1000
    while not any(each.type == "input_audio_buffer.timeout_triggered" for each in line.trace.messages[after:]):
        if line.now_s > deadline_s:
            raise Violation(f"no input_audio_buffer.timeout_triggered within {deadline_s:.0f} s")
        await line.send(append_of(bytes(100 * BYTES_PER_MS)))
        await asyncio.sleep(0.1)


SCENARIOS: Final[tuple[Scenario, ...]] = (_a_turn_of_speech, _a_turn_without_an_answer, _push_to_talk, _a_silent_user)
