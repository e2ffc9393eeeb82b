"""Calls of the carrier over memory pairs, in virtual time, in every protocol."""

from __future__ import annotations

import asyncio

import pytest

from duologue.engines.base import FunctionCall
from duologue.telephony.carrier import CallPlan, CallSettings, KeysAt, LineQuality, MarkEcho, place_call
from duologue.telephony.carrier.networks import CARRIERS
from duologue.testing.plugin.virtual_time import ClockOfTest
from duologue.transports import memory_pair
from tests.telephony.carrier._calls import LONG, SHORT, joined_call, says

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("protocol", CARRIERS)
async def test_a_caller_is_answered_twice_and_hangs_up(protocol: str) -> None:
    async with joined_call(protocol, CallPlan(says=says(None, None)), responses=[SHORT]) as joined:
        report = await joined.call.run()
    assert report.is_answered
    assert report.ended_by == "caller"
    assert report.problems == []
    assert joined.errors == []


@pytest.mark.parametrize(
    ("protocol", "marks"),
    [*((name, None) for name in CARRIERS if name != "audiosocket"), ("twilio", "drop"), ("twilio", "none")],
)
async def test_an_interruption_is_cut_at_what_the_carrier_has_played(protocol: str, marks: MarkEcho | None) -> None:
    async with joined_call(protocol, CallPlan(says=says(None, 1_500)), CallSettings(marks=marks)) as joined:
        report = await joined.call.run()
    (truncated_ms,) = joined.truncated_ms
    (clear,) = report.clears
    assert clear.heard_ms > 1_500
    assert clear.dropped_ms > 1_000
    assert clear.late_ms == 0
    assert abs(clear.heard_ms - truncated_ms) <= (250 if marks == "none" else 60)
    assert report.spoken[0].answer_heard_ms == pytest.approx(clear.heard_ms, abs=1)
    assert report.is_answered
    assert report.problems == []
    assert joined.errors == []


async def test_an_interruption_of_a_carrier_without_a_clear_is_cut_at_what_it_has_played() -> None:
    async with joined_call("audiosocket", CallPlan(says=says(None, 1_500))) as joined:
        report = await joined.call.run()
    (truncated_ms,) = joined.truncated_ms
    assert 1_500 < truncated_ms < 2_000
    assert report.spoken[0].answer_heard_ms == pytest.approx(truncated_ms, abs=60)
    assert report.is_answered
    assert joined.errors == []


async def test_keys_are_answered() -> None:
    plan = CallPlan(keys=(KeysAt(keys="12#", at_s=1),))
    async with joined_call("twilio", plan) as joined:
        report = await joined.call.run()
    assert report.spoken[0].keys == "12#"
    assert report.spoken[0].first_audio_ms == pytest.approx(0, abs=60)
    assert report.is_answered


async def test_an_application_that_says_nothing_is_no_answer() -> None:
    theirs, _ = memory_pair()
    call = await place_call(theirs, "twilio", CallPlan(says=says(None), patience_s=2))
    assert not call.report.is_answered
    assert call.report.reason == "nothing was heard for 2 s"


async def test_the_caller_hangs_up_when_the_test_wants_it(virtual_clock: ClockOfTest) -> None:
    async with joined_call("twilio", CallPlan(says=says(None))) as joined:
        running = asyncio.ensure_future(joined.call.run())
        await virtual_clock.advance(2)
        joined.call.hang_up()
        report = await running
    assert report.duration_ms == pytest.approx(2_000, abs=20)
    assert len(joined.call.sound.said_pcm16) > 0


async def test_a_cancelled_call_hangs_up(virtual_clock: ClockOfTest) -> None:
    async with joined_call("twilio", CallPlan(says=says(None))) as joined:
        running = asyncio.ensure_future(joined.call.run())
        await virtual_clock.advance(1)
        running.cancel()
        await asyncio.wait([running])
    assert joined.call.report.ended_by == "caller"


async def test_the_application_hangs_up_when_the_goodbye_was_heard() -> None:
    responses: list[str | FunctionCall] = [FunctionCall(name="hang_up", arguments="{}"), SHORT]
    plan = CallPlan(says=says(None), hang_up_after_s=30)
    async with joined_call("asterisk", plan, responses=responses, tools=lambda call: [call.hang_up]) as joined:
        report = await joined.call.run()
    assert report.ended_by == "application"
    assert report.heard_ms == report.received_ms > 0


_TWO = (KeysAt(keys="5#", at_s=2.05),)  # the # comes 60 ms behind the second utterance, which begins at 2.24 s
_IN_FUNCTION = (KeysAt(keys="5#", at_s=3),)
_CASES: dict[str, tuple[CallPlan, list[str | FunctionCall]]] = {
    "before the first mark": (CallPlan(says=says(None, 20)), [LONG, SHORT]),
    "after response.done": (CallPlan(says=says(None, 2_000)), [LONG, SHORT]),
    "twice within 100 ms": (CallPlan(says=says(None, 900), keys=_TWO), [LONG, SHORT]),
    "in a function": (CallPlan(says=says(None), keys=_IN_FUNCTION), [FunctionCall(name="wait", arguments="{}"), SHORT]),
}


@pytest.mark.parametrize("marks", ["echo", "none"])
@pytest.mark.parametrize("case", _CASES)
async def test_interruptions_are_no_errors(case: str, marks: MarkEcho) -> None:
    async def wait() -> str:
        """Take a while."""
        await asyncio.sleep(5)
        return "done"

    plan, responses = _CASES[case]
    settings = CallSettings(marks=marks)
    async with joined_call("twilio", plan, settings, responses=responses, tools=lambda call: [wait]) as joined:
        report = await joined.call.run()
    assert joined.errors == []
    assert report.problems == []
    assert report.spoken[-1].answer_began_ms is not None
    if case != "twice within 100 ms":  # where the keys are answered while the caller speaks
        assert [clear.late_ms for clear in report.clears] == [0] * len(report.clears)
    assert len(report.clears) >= {"twice within 100 ms": 2, "in a function": 0}.get(case, 1)
    if case == "before the first mark":
        assert report.clears[0].heard_ms < 200


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 21))])
async def test_on_a_bad_line_every_call_is_answered_and_no_time_is_lost(seed: int) -> None:
    plan = CallPlan(says=says(None, 1_500, ms=1_500))
    settings = CallSettings(quality=LineQuality(loss=0.05, jitter_ms=30), seed=seed)
    async with joined_call("twilio", plan, settings) as joined:
        report = await joined.call.run()
    assert report.frames_lost > 0
    assert report.is_answered
    assert report.problems == []
    assert joined.errors == []
    (call,) = joined.memory.calls
    assert call.user_audio_ms == pytest.approx(report.duration_ms, abs=40)
