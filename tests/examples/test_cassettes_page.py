"""The page on cassettes: its tests pass, recorded and played, and what it says of a failure is what a failure says."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.examples.test_listings import ROOT, listings
from tests.server._listening import listening, scripted_app
from tests.testing.cassettes._tape import Tape
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

PAGE = "docs/howto/cassettes.md"
TALK, MARKED = (each.text for each in listings("python") if each.page == PAGE and "def test_" in each.text)


def test_a_test_of_the_page_is_recorded_and_then_played(pytester: pytest.Pytester) -> None:
    async def record() -> pytest.RunResult:
        async with listening(scripted_app()) as url:
            options = ("--duologue-record=once", f"--duologue-upstream={url}")
            return await asyncio.to_thread(run, pytester, TALK, *options)

    asyncio.run(record()).assert_outcomes(passed=1)
    run(pytester, TALK).assert_outcomes(passed=1)


def test_the_marker_of_the_page_takes_what_it_shows(pytester: pytest.Pytester) -> None:
    folder = pytester.path / "cassettes" / "test_inner"
    folder.mkdir(parents=True)
    Tape(folder / "shared-name.jsonl").exchange("GET", "/v1/models").done()
    run(pytester, MARKED).assert_outcomes(passed=1)


def test_the_failure_of_the_page_has_the_lines_of_a_failure() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    code = (ROOT / "src/duologue/testing/cassettes/failures.py").read_text(encoding="utf-8")
    [shown] = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    for words in ("is not the recorded one", "  recorded: ", "  came:     ", "  before:   ", "  If this may differ: "):
        assert words in shown
        assert words in code
