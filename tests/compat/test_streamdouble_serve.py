"""A stranger's carrier calls `duologue serve --phone twilio`, which runs in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamdouble.api import call, run_scenario
from streamdouble.scenario import Expect, Hangup, Say, Scenario, Step, Wait, WaitFor
from streamdouble.session import SessionConfig

from duologue.audio.formats import PCMU
from duologue.audio.wav import read_wav
from duologue.recording import RecordingReader
from tests.cli.conftest import SCRIPTED
from tests.repo._tree import ROOT
from tests.telephony._carrier import speech_frames
from tests.telephony.serving._process import serving_phone

_QUESTION = ROOT / "src/duologue/cli/speech/question_time.wav"


def _say(ms: int) -> Say:
    return Say(Path("caller.wav"), speech_frames(ms))


def _recorded_media(folder: Path) -> list[str | None]:
    media = []
    for path in folder.glob("*.jsonl"):
        with RecordingReader(path) as recording:
            media.append(recording.header.medium)
    return media


async def _run(url: str, *steps: Step, **options: Any) -> Any:
    return await run_scenario(url, Scenario("call", list(steps)), config=SessionConfig(**options))


async def test_a_question_is_answered_and_all_marks_come_back(tmp_path: Path) -> None:
    with serving_phone("--phone", "twilio", "--phone-open", "--record", str(tmp_path), *SCRIPTED) as (_, url):
        report = await call(url, frames=speech_frames(600), config=SessionConfig(quiet_period_s=0.5))
        async with httpx.AsyncClient(trust_env=False) as http:
            metrics = (await http.get(re.sub("^ws(.*)/phone/twilio", r"http\1/metrics", url))).text
    result = report.result
    assert (report.exit_code, result.violations, result.unknown_events) == (0, [], [])
    assert result.marks_received == result.marks_echoed != []
    assert 'duologue_owner_sessions_total{owner="phone twilio"} 1.0' in metrics
    assert _recorded_media(tmp_path) == ["phone"]


@pytest.mark.slow
async def test_speech_is_answered_by_the_engines_that_are_shipped() -> None:
    audio = PCMU.from_pcm16(read_wav(_QUESTION).at(PCMU.rate_hz).pcm16)
    frames = [audio[at : at + 160] for at in range(0, len(audio) - 159, 160)]
    with serving_phone("--phone", "twilio", "--phone-open") as (_, url):
        await call(url, frames=frames, config=SessionConfig(quiet_period_s=1.0))  # the engines are warm from here on
        report = await call(url, frames=frames, config=SessionConfig(quiet_period_s=1.0))
        result = report.result
        assert (report.exit_code, result.violations) == (0, [])
        assert result.marks_received == result.marks_echoed != []
        report = await _run(
            url,
            Say(_QUESTION, frames),
            WaitFor("audio"),
            Wait(0.5),
            Say(_QUESTION, frames),
            Expect("clear"),
            Wait(4),
            Hangup(),
        )
        assert (report.exit_code, report.result.failed_expectations) == (0, [])
