"""What holds for every test, and a clock for those in which time is the subject."""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest
from hypothesis import settings

from duologue.protocol import states as tables
from duologue.testing.plugin.virtual_time import ClockOfTest

# How long an example takes depends on the machine; timings live in bench/, and pytest-timeout ends what hangs.
settings.register_profile("duologue", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "duologue"))


_OF_OTHERS = re.compile(r"(?i:.*_proxy)|FORCE_COLOR|NO_COLOR|TTY_COMPATIBLE|OPENAI_.*|DUOLOGUE_.*")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports go from process to process as UTF-8, and some tests log what cannot be written so."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Generator[None, None, None]:
    """Whoever runs the tests has keys, colours and a way into the net of his own; no test, and no process of one."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(_OF_OTHERS.fullmatch, list(os.environ)):
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _illegal_transitions_raise() -> Generator[None, None, None]:
    """A test that provokes one without knowing fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "illegal_transitions_raise", True)
        yield


@pytest.fixture
def illegal_transitions_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that provoke one, as it is outside of tests."""
    monkeypatch.setattr(tables, "illegal_transitions_raise", False)


@pytest.fixture
def idle_clock(virtual_clock: ClockOfTest) -> None:
    """Time that passes only while every task waits, and then at once: no machine is too slow for a time limit."""
