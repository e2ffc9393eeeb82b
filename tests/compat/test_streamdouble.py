"""A stranger's carrier calls: streamdouble plays Twilio against an application with `telephony.join`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from streamdouble.api import CallReport, call, run_scenario
from streamdouble.chaos import Impairments
from streamdouble.scenario import Dtmf, Expect, Hangup, Say, Scenario, Step, Wait, WaitFor
from streamdouble.session import SessionConfig

import duologue
from duologue import telephony
from duologue.inspection import CallView
from duologue.server import RealtimeApp
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.transports.asgi import ASGIReceive, ASGISend, ASGITransport, Scope
from tests._uvicorn import under_uvicorn
from tests.telephony._carrier import speech_frames

_LONG = "This is an answer that goes on for a while, so that there is something to interrupt."


@asynccontextmanager
async def _phone(*responses: str) -> AsyncGenerator[tuple[str, AppInMemory], None]:
    """The URL of an application that answers calls, and the server behind it."""
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=responses))))

    async def phone(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        socket = ASGITransport(receive, send)
        await socket.accept()
        async with duologue.converse(open_connection=memory.connect) as conversation:
            await telephony.join(socket, telephony.Twilio(), conversation)

    async with under_uvicorn(phone, lifespan="off") as port:
        yield f"ws://127.0.0.1:{port}", memory


def _say(ms: int) -> Say:
    return Say(Path("caller.wav"), speech_frames(ms))


async def _run(url: str, *steps: Step, **options: Any) -> CallReport:
    return await run_scenario(url, Scenario("call", list(steps)), config=SessionConfig(**options))


def _at(report: CallReport, kind: str) -> list[float]:
    return [event.at for event in report.result.events if event.kind == kind]


def _view(memory: AppInMemory) -> CallView:
    (view,) = memory.calls
    assert view.errors == []
    return view


async def test_a_caller_who_falls_silent_is_answered_and_all_marks_come_back() -> None:
    async with _phone("Hi there.") as (url, memory):
        report = await call(url, frames=speech_frames(600), config=SessionConfig(quiet_period_s=0.3))
        result = report.result
        assert (report.exit_code, result.violations, result.unknown_events) == (0, [], [])
        assert result.marks_received == result.marks_echoed
        assert len(result.audio_received) == 8 * 60 * len("Hi there.")
        assert _view(memory).responses[0].status == "completed"


@pytest.mark.parametrize(("echo_marks", "within_ms"), [(True, 60), (False, 250)], ids=["echo", "no-echo"])
async def test_an_interruption_cuts_at_what_the_carrier_has_played(echo_marks: bool, within_ms: int) -> None:
    async with _phone(_LONG, "Short.") as (url, memory):
        report = await _run(
            url,
            _say(400),
            WaitFor("audio"),
            Wait(0.7),
            _say(400),
            Expect("clear"),
            Wait(1.2),
            Hangup(),
            echo_marks=echo_marks,
        )
        assert (report.exit_code, report.result.failed_expectations, report.result.violations) == (0, [], [])
        (cleared_at,) = _at(report, "clear_received")
        assert report.result.first_audio_at is not None
        played_ms = (cleared_at - report.result.first_audio_at) * 1000
        view = _view(memory)
        assert view.heard[0].cut_by == "truncate"
        assert abs(view.heard[0].heard_ms - played_ms) <= within_ms
        assert [response.text for response in view.responses] == [_LONG, "Short."]  # the second question is answered


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_bad_network_changes_nothing_but_the_sound(seed: int) -> None:
    async with _phone("Hi.") as (url, memory):
        report = await _run(
            url,
            _say(500),
            WaitFor("audio"),
            Wait(0.3),
            Hangup(),
            chaos_seed=seed,
            impairments=Impairments(loss=0.05, jitter_ms=30),
        )
        assert (report.exit_code, report.result.violations) == (0, [])
        sent_ms = 20 * (report.result.frames_sent + report.result.frames_dropped)
        assert abs(_view(memory).user_audio_ms - sent_ms) <= 60


async def test_keys_are_answered() -> None:
    async with _phone("Twelve.") as (url, memory):
        report = await _run(url, Dtmf("12#"), WaitFor("audio"), Wait(0.2))
        assert (report.exit_code, report.result.violations) == (0, [])
        assert _view(memory).responses[0].text == "Twelve."
