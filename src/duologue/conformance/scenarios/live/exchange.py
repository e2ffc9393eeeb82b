"""Sound in both directions: speech, what is heard of it, and what comes back."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Final

from duologue.conformance.outcomes import Undecided, Violation, expect
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.scenarios.base import Scenario, scenario
from duologue.conformance.scenarios.live.base import (
    LONG_COMMENTARY,
    OUTPUT,
    LiveCall,
    append,
    is_speech,
    live_call,
    sound_ms,
    spoken,
)
from duologue.conformance.wire.speech_sample import speech
from duologue.conformance.wire.trace import WireMessage

__all__ = ["SCENARIOS"]

_INPUT_TEXT: Final = "session.input_transcript.delta"
_OUTPUT_TEXT: Final = "session.output_transcript.delta"
_USAGE_S: Final = 20.0
"""Usage was seen about every 15 s."""
_SLACK_MS: Final = 1000
"""Output may be this much ahead of the input that was sent: one second of what is under way, in either direction."""
_GAP_S: Final = 1.0
"""The longest time between two pieces of a continuous track: ten times a piece."""
_PIECE_MS: Final = 100
_STOPS_S: Final = 1.5
"""How long the assistant may go on when the user talks over it: people stop within half of that, and sound travels."""
_GRID_MS: Final = 200


@scenario(
    "live.transcript.input",
    "live.speech",
    "live.basic",
    "live.audio.continuous",
    "live.audio.real_time",
    "live.audio.pieces",
    "live.transcript.grid",
    "live.usage",
)
async def _a_sentence_and_its_answer(context: ScenarioContext) -> None:
    """A sentence is spoken, and silence; the assistant answers, or says what it is told to."""
    async with live_call(context) as call:
        connection = call.connection
        at = len(connection.trace.messages)
        await call.feed.say(speech())
        with context.deciding("live.transcript.input"):
            connection.rewind(at)
            await connection.until(_INPUT_TEXT)
        with context.deciding("live.speech"):
            connection.rewind(at)
            await _answer(call)
        with context.deciding("live.usage"):
            await _wait_for_usage(call)
        with context.deciding("live.audio.continuous"):
            _is_continuous(call)
        with context.deciding("live.audio.real_time"):
            ahead = sound_ms(connection.trace.received()) - call.feed.sent_ms
            expect(ahead <= _SLACK_MS, f"{ahead:.0f} ms more output than input")
        with context.deciding("live.audio.pieces"):
            lengths = sorted({round(sound_ms([each])) for each in connection.trace.received(OUTPUT)})
            expect(lengths == [_PIECE_MS], f"pieces of {', '.join(map(str, lengths))} ms")
        with context.deciding("live.transcript.grid"):
            _is_on_grid(call)
    context.follows("live.basic", context.traces[-1].messages)


async def _answer(call: LiveCall) -> None:
    """Wait for the assistant's voice; if the sentence calls for no answer, ask for one."""
    try:
        await spoken(call.connection)
    except Violation:
        await call.connection.send(append("commentary", "Good morning."))
        await spoken(call.connection)
    call.connection.rewind(0)
    await call.connection.until(_OUTPUT_TEXT)


async def _wait_for_usage(call: LiveCall) -> None:
    while not any(call.connection.trace.received("session.usage.updated")):
        if call.feed.sent_ms > _USAGE_S * 1000 or call.connection.trace.closed is not None:
            raise Violation(f"no session.usage.updated within {_USAGE_S:g} s of audio")
        await asyncio.sleep(0.5)


def _is_continuous(call: LiveCall) -> None:
    pieces = list(call.connection.trace.received(OUTPUT))
    if any(each.get("start_ms") is not None for each in pieces):
        raise Undecided("output audio has times: gaps are allowed")
    expect(len(pieces) > 1, "there is no output audio")
    gaps = [after.at_s - before.at_s for before, after in pairwise(pieces)]
    expect(max(gaps) <= _GAP_S, f"{max(gaps):.1f} s without output audio")
    missing = call.feed.sent_ms - sound_ms(pieces)
    expect(missing <= 2 * _SLACK_MS, f"{missing:.0f} ms less output than input")


def _is_on_grid(call: LiveCall) -> None:
    deltas: list[WireMessage] = list(call.connection.trace.received(_INPUT_TEXT, _OUTPUT_TEXT))
    if not deltas:
        raise Undecided("no transcript came")
    off = [each for each in deltas if each.get("start_ms") % _GRID_MS or each.get("end_ms") % _GRID_MS]
    expect(not off, f"{off[0].type if off else ''} off the grid")


@scenario("live.mute", "live.mute.silence")
async def _a_muted_sentence(context: ScenarioContext) -> None:
    """The input is muted while a sentence is spoken."""
    async with live_call(context) as call:
        connection = call.connection
        muting = await connection.send({"type": "session.input_audio.mute"})
        await context.vital("live.mute", connection.until("session.input_audio.muted"))
        at = len(connection.trace.messages)
        await call.feed.say(speech())
        await connection.during(min(3.0, connection.timeout_s))
        heard = [each for each in connection.trace.messages[at:] if each.side == "S" and each.type == _INPUT_TEXT]
        context.record("live.mute.silence", *(("failed", f"{_INPUT_TEXT} came") if heard else ("passed", "")))
        with context.deciding("live.mute"):
            await connection.answer({"type": "session.input_audio.unmute"}, "session.input_audio.unmuted")
            context.follows("live.mute", connection.since(muting))


@scenario("live.barge_in")
async def _the_user_talks_over_the_assistant(context: ScenarioContext) -> None:
    """A sentence is spoken while the assistant speaks."""
    async with live_call(context) as call:
        connection = call.connection
        try:
            await connection.send(append("commentary", LONG_COMMENTARY))
            await spoken(connection)
        except Violation as fault:
            raise Undecided(str(fault)) from fault
        with context.deciding("live.barge_in"):
            began_s = connection.now_s
            await call.feed.say(speech())
            pieces = [each for each in connection.trace.received(OUTPUT) if each.at_s >= began_s]
            late = [each for each in pieces if each.at_s >= began_s + _STOPS_S]
            if not any(map(is_speech, pieces)):
                raise Undecided("the assistant had finished before the user spoke")
            expect(not any(map(is_speech, late)), f"the assistant still speaks {_STOPS_S:g} s after the user begins")


SCENARIOS: Final[tuple[Scenario, ...]] = (
    _a_sentence_and_its_answer,
    _a_muted_sentence,
    _the_user_talks_over_the_assistant,
)
