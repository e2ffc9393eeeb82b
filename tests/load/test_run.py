"""Whole levels, in virtual time: what they measure of servers whose delays are known."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from duologue.client.endpoint import Endpoint
from duologue.errors import AudioError, DuologueError
from duologue.load import LevelReport, LevelResult, WorkOrder, find_target, run_level
from duologue.load.run import _shares
from duologue.testing import read_call
from duologue.testing.virtual_time import run_in_virtual_time
from tests.load._levels import answering, engines, levels, plan
from tests.server._listening import listening, scripted_app


def first_audio_ms(report: LevelReport) -> float:
    assert report.first_audio is not None
    assert report.first_audio.p50 is not None
    return report.first_audio.p50


def test_calls_are_all_answered_and_measured() -> None:
    (result,) = levels(plan(20, 12), frame_ms=20)
    report = result.report
    assert (report.calls, report.began, report.calls_up, report.lost, report.failures) == (20, 20, 20.0, 0, [])
    assert report.turns == report.answers > 40
    assert report.not_measured is None
    assert report.generator_late_p99_ms is not None
    assert report.generator_late_p99_ms <= 5
    assert 480 <= first_audio_ms(report) <= 560  # the server waits for 500 ms of silence
    assert report.speech_heard is not None
    assert report.speech_heard.max <= 400
    assert report.barge_in is not None
    assert report.transcript is not None
    assert report.connect is not None
    assert report.connect.count == report.calls
    # 20 ms of PCM16 at 24 kHz in base64, fifty times a second.
    assert 64 <= report.sent_kb_per_s / 20 <= 68


def test_what_the_server_takes_longer_is_what_is_measured() -> None:
    (at_once,), (later,) = levels(plan(5)), levels(plan(5), served=engines(0.2))
    moved_ms = first_audio_ms(later.report) - first_audio_ms(at_once.report)
    assert moved_ms == pytest.approx(200, abs=10)


def test_a_server_that_never_answers_loses_the_turns_and_has_no_delay_of_zero() -> None:
    (result,) = levels(plan(3, answer_within_s=2), served=engines(None))
    report = result.report
    assert report.turns > 0
    assert (report.answers, report.lost, report.first_audio) == (0, report.turns, None)
    assert report.failures == [f"{report.turns} of {report.turns} turns were not answered"]


def test_the_same_seed_measures_the_same() -> None:
    def figures(results: list[LevelResult]) -> list[tuple[int, float]]:
        return [(each.report.turns, first_audio_ms(each.report)) for each in results]

    one, other = (figures(levels(plan(1, 40), plan(5, 10))) for _ in range(2))
    for (turns, median_ms), (turns_again, median_again_ms) in zip(one, other, strict=True):
        assert turns_again == pytest.approx(turns, rel=0.1)
        assert median_again_ms == pytest.approx(median_ms, rel=0.1)
    assert figures(levels(plan(5, 10, seed=2)))[0] != one[1]


def test_callers_hang_up_after_their_turns_and_others_take_their_places() -> None:
    (result,) = levels(plan(4, turns=1, barge_in=0))
    report = result.report
    assert report.began > 8
    assert report.began - 4 <= report.turns <= report.began
    assert (report.lost, report.closes) == (0, {})


def test_without_a_window_each_caller_has_its_turns() -> None:
    (result,) = levels(plan(3, None, turns=2, barge_in=0))
    assert (result.report.turns, result.report.answers, result.report.began) == (6, 6, 3)


def test_calls_that_come_at_a_rate_come_whether_or_not_others_are_over() -> None:
    (result,) = levels(plan(100, 30, rate_per_s=1.0, turns=1, barge_in=0))
    report = result.report
    assert 15 <= report.began <= 45
    assert (report.lost, report.refused) == (0, {})
    (full,) = levels(plan(1, 30, rate_per_s=1.0, turns=1, barge_in=0))
    assert full.report.refused["more calls than --calls"] > 0


def test_live_sessions_are_called_too() -> None:
    long = "That is a long story, and it begins in a small town by the sea, a hundred years ago."
    (result,) = levels(plan(5, barge_in=0.6), family="live", served=engines(0.0, long))
    report = result.report
    assert (report.lost, report.failures, report.unheard_barge_ins) == (0, [], 0)
    assert report.turns == report.answers > 0
    assert report.first_audio is not None
    assert report.barge_in is not None
    assert report.barge_in.max < 1000
    assert report.transcript is not None


def test_the_calls_with_the_longest_waits_are_recorded(tmp_path: Path) -> None:
    (result,) = levels(plan(3, 12), kept_in=str(tmp_path), taped=3, kept=2)
    assert len(result.calls) == 2
    worst = [call.worst_ms for call in result.calls]
    assert worst == sorted(worst, key=lambda ms: -(ms or 0))
    call = read_call(result.calls[0].path)
    assert call.turns
    assert call.user_audio_ms > 10_000
    assert [mark.text for mark in call.marks] == ["by the client, code 1000"]


def test_what_the_server_reports_and_how_it_closes_is_counted() -> None:
    created = {"type": "session.created", "event_id": "e1", "session": {"type": "realtime", "id": "s", "model": "m"}}
    refusal = {"type": "error", "event_id": "e2", "error": {"type": "t", "code": "odd", "message": "No."}}

    async def main() -> tuple[str, LevelReport]:
        async with answering(json.dumps(created), json.dumps(refusal)) as url:
            target = await find_target(Endpoint(url=url), "realtime")
        async with answering(json.dumps(created), json.dumps(refusal), "[1]", close=(1013, "full")) as url:
            place = replace(target.place, port=int(url.rpartition(":")[2]))
            result = await run_level(WorkOrder(target=replace(target, place=place), plan=plan(2, 3)))
        return target.note, result.report

    note, report = run_in_virtual_time(main())
    assert note == "it keeps its own configuration, and answers: No."
    assert report.errors == {"odd": 2, "a message is no JSON object": 2}
    assert report.closes == {"1013": 2}
    assert "2 × closed with 1013" in report.failures


def test_a_server_that_is_no_more_is_a_refusal() -> None:
    async def main() -> LevelReport:
        async with listening(scripted_app()) as url:
            target = await find_target(Endpoint(url=url), "realtime")
        return (await run_level(WorkOrder(target=target, plan=plan(2, 1)))).report

    report = run_in_virtual_time(main())
    assert sum(report.refused.values()) == 2
    assert report.failures


def test_a_level_is_cancelled_without_a_trace() -> None:
    async def main() -> int:
        async with listening(scripted_app()) as url:
            target = await find_target(Endpoint(url=url), "realtime")
            await asyncio.sleep(5)  # the session that was asked ends
            before = len(asyncio.all_tasks())
            running = asyncio.ensure_future(run_level(WorkOrder(target=target, plan=plan(3, 600))))
            await asyncio.sleep(5)
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled()
            await asyncio.sleep(5)
            return len(asyncio.all_tasks()) - before

    assert run_in_virtual_time(main()) == 0


def test_the_shares_of_several_processes_are_the_whole() -> None:
    async def main() -> list[WorkOrder]:
        async with listening(scripted_app()) as url:
            target = await find_target(Endpoint(url=url), "realtime")
            return _shares(WorkOrder(target=target, plan=plan(10, rate_per_s=3), taped=10), 3)

    shares = run_in_virtual_time(main())
    assert [each.plan.calls for each in shares] == [4, 3, 3]
    assert sum(each.plan.rate_per_s or 0 for each in shares) == pytest.approx(3)
    assert [each.plan.process for each in shares] == [0, 1, 2]


def test_processes_of_their_own_measure_together(tmp_path: Path) -> None:
    async def main() -> LevelResult:
        async with listening(scripted_app()) as url:
            target = await find_target(Endpoint(url=url), "realtime")
            order = WorkOrder(target=target, plan=plan(2, None, turns=1, barge_in=0), kept_in=str(tmp_path), taped=2)
            result = await run_level(order, processes=2)
            wrong = WorkOrder(target=target, plan=plan(2, None, turns=1), clips=str(tmp_path / "none"))
            with pytest.raises(DuologueError, match="did not begin: failed"):
                await run_level(wrong, processes=2)
            with pytest.raises((AudioError, OSError)):
                await run_level(wrong)
            return result

    result = asyncio.run(main())
    assert (result.report.turns, result.report.answers, len(result.calls)) == (2, 2, 2)
    assert {Path(call.path).name for call in result.calls} == {"call-1-1.jsonl", "call-2-1.jsonl"}


def test_what_a_server_makes_up_is_bounded_and_keys_are_not_shown() -> None:
    created = {"type": "session.created", "event_id": "e", "session": {"type": "realtime", "id": "s", "model": "m"}}
    updated = {**created, "type": "session.updated"}
    errors = [{"type": "error", "event_id": "e", "error": {"type": "t", "code": f"{n}" * 99}} for n in range(200)]

    async def main() -> tuple[str, LevelReport]:
        messages = [json.dumps(each) for each in (created, updated, *errors)]
        async with answering(*messages) as url:
            endpoint = Endpoint(url=f"{url}/v1/realtime?api_key=sesame", api_key="open-sesame")
            order = WorkOrder(target=await find_target(endpoint, "realtime"), plan=plan(1, 1))
            return repr(order), (await run_level(order)).report

    shown, report = run_in_virtual_time(main())
    assert "sesame" not in shown
    assert len(report.errors) <= 51
    assert sum(report.errors.values()) == 200
    assert max(map(len, report.errors)) == 80
