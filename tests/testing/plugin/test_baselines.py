"""Delays against those of an earlier run: what is refused, and what fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.testing.plugin._inner import STRICT, run

pytest_plugins = ("pytester",)


_CODE = """
import os
import pytest
from duologue import converse

async def test_a(realtime_app, tone, silence):
    async with converse(open_connection=realtime_app.connect) as conversation:
        for _ in range(int(os.environ.get("TIMES", "1"))):
            await conversation.ask("Hello")
        if "LOUD" in os.environ:
            await conversation.send_audio(tone(100))
            await conversation.drain()
            await conversation.ask("Hello")

def test_without_a_call():
    pass
"""


def saved(pytester: pytest.Pytester, **first_audio: int) -> Path:
    """A baseline, with this delay changed."""
    result = run(pytester, _CODE, "--duologue-baseline=delays.json", "--duologue-save-baseline")
    path = pytester.path / "delays.json"
    result.stdout.fnmatch_lines([f"duologue: delays of 1 test written to {path}"])
    content = json.loads(path.read_text(encoding="utf-8"))
    for delay in content["tests"]["test_inner.py::test_a"]["figures"].values():
        delay |= first_audio
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_run_that_is_as_the_baseline_passes(pytester: pytest.Pytester) -> None:
    saved(pytester, median=500, high=500)
    result = run(pytester, _CODE, "--duologue-baseline=delays.json")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["duologue: of 1 test that passed, 1 compared with the baseline"])


def test_a_slower_call_fails_its_test(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=STRICT + "    duologue_baseline_floor_ms = 100\n    duologue_baseline_percent = 1")
    saved(pytester, median=-500, high=5000)
    result = run(pytester, _CODE, "--duologue-baseline=delays.json")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "the calls of this test are not as in the baseline:",
            "first_text, median: was -500 ms, now * ms; up to -400 ms is no change",
            "*- duologue call 1 of 1, as the server saw it -*",
            "duologue: of 0 tests that passed, 0 compared with the baseline",
        ]
    )
    assert "longest" not in result.stdout.str()


def test_what_is_not_there_any_more_fails_too(pytester: pytest.Pytester) -> None:
    saved(pytester, count=2)
    result = run(pytester, _CODE, "--duologue-baseline=delays.json")
    result.stdout.fnmatch_lines(["first_text: was there 2 times, now 1"])


def test_other_audio_is_refused(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(pytester)
    monkeypatch.setenv("LOUD", "1")
    result = run(pytester, _CODE, "--duologue-baseline=delays.json")
    result.stdout.fnmatch_lines(["the baseline was made with other audio (* then, * now); save it again"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "*cannot read the baseline *delays.json: No such file*; --duologue-save-baseline makes one"),
        ("{", "*delays.json is no baseline of duologue: *"),
        ('{"machine":"m","version":9}', "*delays.json is no baseline of duologue that this version reads*"),
        ('{"machine":"frog"}', "*delays.json was made on another class of machine (frog; this is *), so that *"),
    ],
    ids=["missing", "damaged", "newer", "of another machine"],
)
def test_a_file_that_cannot_be_compared_with_ends_the_run(
    pytester: pytest.Pytester, content: str | None, told: str
) -> None:
    if content is not None:
        (pytester.path / "delays.json").write_text(content, encoding="utf-8")
    result = run(pytester, _CODE, "--duologue-baseline=delays.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])
    assert "Traceback" not in result.stderr.str()


def test_settings_that_make_no_sense_end_the_run(pytester: pytest.Pytester) -> None:
    result = run(pytester, _CODE, "--duologue-save-baseline")
    result.stderr.fnmatch_lines(["*--duologue-save-baseline needs --duologue-baseline FILE, which says where"])
    pytester.makefile(".ini", pytest=STRICT + "    duologue_baseline_percent = much")
    result = run(pytester, _CODE, "--duologue-save-baseline", "--duologue-baseline=delays.json")
    result.stderr.fnmatch_lines(["*duologue_baseline_percent and duologue_baseline_floor_ms are numbers*'much'*"])


def test_a_file_that_cannot_be_written_is_reported(pytester: pytest.Pytester) -> None:
    result = run(pytester, _CODE, "--duologue-save-baseline", "--duologue-baseline=pytest.ini/delays.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["duologue: cannot write the baseline *"])


def test_recordings_of_a_tests_own_take_part(pytester: pytest.Pytester) -> None:
    code = """
    from duologue import converse

    async def test_a(scripted_server, realtime_baseline, realtime_app, tmp_path):
        path = tmp_path / "call.jsonl"
        async with converse(open_connection=realtime_app.connect, record=path) as conversation:
            await conversation.ask("Hello")
        realtime_baseline(path)
    """
    run(pytester, code, "--duologue-save-baseline", "--duologue-baseline=delays.json").assert_outcomes(passed=1)
    content: dict[str, Any] = json.loads((pytester.path / "delays.json").read_text(encoding="utf-8"))
    assert content["tests"]["test_inner.py::test_a"]["figures"]["first_audio"]["count"] == 2
