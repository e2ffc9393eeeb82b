"""Calls are judged by limits, with figures that were worked out by hand in test_fold.py."""

from __future__ import annotations

import pytest

from duologue.inspection import CallTurn, CallView
from duologue.inspection.gate import JudgedCall, Judgement, judged, thresholds_in
from duologue.recording import RecordingLine
from tests.inspection._calls import SERVER_VAD, Call, barge_in_call, push_to_talk_call, vad_call, view_of


def call_of(lines: list[RecordingLine], name: str = "call") -> JudgedCall:
    return JudgedCall(name=name, view=view_of(lines))


def finding(figure: str, text: str, *calls: JudgedCall, at_least: int | None = None) -> Judgement:
    unit = "count" if figure in ("errors", "underruns") else "ms"
    (found,) = judged(calls, {figure: thresholds_in(text, unit)}, at_least=at_least)  # type: ignore[arg-type]
    return found


def answered(*latencies_ms: int) -> JudgedCall:
    """Turns with these delays of their first audio, a turn every 10 s."""
    turns = [
        CallTurn(number=n, kind="speech", end_of_speech_s=10.0 * n, first_audio_s=10.0 * n + ms / 1000)
        for n, ms in enumerate(latencies_ms, 1)
    ]
    return JudgedCall(name="made", view=CallView(turns=turns, last_at_s=10.0 * len(turns) + 9))


def unanswered() -> JudgedCall:
    """A turn of 0.5 s whose end the server hears, and never answers; the call goes on for 7.1 s."""
    call = Call()
    call.session(0.5, SERVER_VAD)
    call.speaks(1.0, 3.1)
    call.server(1.45, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(3.05, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2000)
    call.speaks(3.1, 9.7)
    return call_of(call.lines)


def test_a_limit_that_holds_tells_its_value() -> None:
    found = finding("first audio", "max<=1300ms", call_of(vad_call()))
    assert (found.holds, found.value, found.count, found.what) == (True, 1300, 2, None)
    assert found.sentence == "max is 1300 ms, of 2 turns"


def test_a_limit_that_is_broken_names_the_turn_and_its_time() -> None:
    found = finding("first audio", "max<1s", call_of(vad_call(), "a.jsonl"), call_of(barge_in_call(), "b.jsonl"))
    assert not found.holds
    assert (found.call, found.what) == ("a.jsonl", "turn 2")
    assert found.at_s == pytest.approx(7.2)
    assert found.sentence == "max is 1300 ms, of 4 turns; a.jsonl, turn 2 at 7.200 s: 1300 ms"


def test_percentiles_need_turns_and_say_so() -> None:
    few = finding("first audio", "p95<2s", call_of(vad_call()))
    assert (few.holds, few.value) == (False, None)
    assert few.sentence == "not enough turns: 2 with first audio, and p95 needs 20 (see --at-least)"
    assert finding("first audio", "p95<2s", call_of(vad_call()), at_least=2).holds
    assert not finding("first audio", "median<2s", answered(*[100] * 19)).holds
    assert finding("first audio", "p95<2s", answered(*[100] * 19, 5000)).value == 100
    assert "p99 needs 100" in finding("first audio", "p99<2s", answered(*[100] * 99)).sentence


def test_no_answer_is_infinitely_late_and_never_zero() -> None:
    call = unanswered()
    found = finding("first audio", "max<800ms", call)
    assert (found.holds, found.value, found.count, found.what) == (False, None, 1, "turn 1")
    assert "no speech came in the 7100 ms until the call ended" in found.sentence
    made = answered(*[100] * 19)
    late = finding("first audio", "p95<800ms", made, call)
    assert (late.holds, late.value) == (True, 100)  # one of twenty is beyond the 95th percentile
    assert not finding("first audio", "p95<800ms", answered(*[100] * 18), call, call).holds


def test_a_turn_that_was_not_waited_for_long_enough_says_nothing_about_a_limit() -> None:
    found = finding("first audio", "max<8s", answered(700), unanswered())
    assert (found.holds, found.count, found.left_out) == (True, 1, 1)
    alone = finding("first audio", "max<8s", unanswered())
    assert not alone.holds
    assert "not measured: there is no turn with first audio (1 without: no speech came" in alone.sentence


def test_nothing_measured_holds_only_if_that_is_allowed() -> None:
    call = call_of(vad_call())
    assert finding("interrupt", "max<300ms", call).sentence == "not measured: there is no interruption"
    assert not finding("interrupt", "max<300ms", call).holds
    assert finding("interrupt", "max<300ms", call, at_least=0).holds


def test_interruptions_tools_errors_and_underruns_are_judged() -> None:
    cut, pushed, vad = call_of(barge_in_call()), call_of(push_to_talk_call()), call_of(vad_call())
    assert finding("interrupt", "max<=20ms", cut).holds
    assert finding("interrupt", "max<20ms", cut).sentence.endswith("the interruption of turn 1 at 4.700 s: 20 ms")
    assert finding("tool", "max<=250ms", vad).holds
    assert finding("tool", "count>=2", vad).sentence == "1 function call"
    found = finding("errors", "0", pushed)
    assert (found.holds, found.value, found.at_s) == (False, 1, 6.05)
    assert found.sentence == "1 error: odd: No. (in answer to response.create) at 6.050 s"
    assert finding("errors", "count<=1", pushed).holds
    assert not finding("underruns", "0", pushed).holds
    assert finding("endpointing", "max<=500ms", vad, cut).holds


def test_a_question_that_is_answered_in_writing_is_no_lost_speech() -> None:
    found = finding("first audio", "max<1s", call_of(push_to_talk_call()))
    assert (found.holds, found.count, found.left_out) == (True, 1, 1)
    assert finding("first text", "count>=1", call_of(push_to_talk_call())).holds


def test_turns_that_were_sent_faster_than_they_were_spoken_are_left_out() -> None:
    call = Call()
    call.session(0.5, SERVER_VAD)
    for _ in range(30):
        call.client(1.0, "input_audio_buffer.append", audio="A" * 6400)
    call.server(1.1, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(1.2, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2000)
    call.creates(1.3, "resp_1")
    call.says(1.5, "resp_1", "item_2", 400)
    found = finding("first audio", "max<1s", call_of(call.lines))
    assert not found.holds
    assert "sent faster than it was spoken" in found.sentence
