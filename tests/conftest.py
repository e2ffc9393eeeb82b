"""What holds for every test, and a clock for those in which time is the subject."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

from duologue.protocol import states as tables

# How long an example takes depends on the machine; timings live in bench/, and pytest-timeout ends what hangs.
settings.register_profile("duologue", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "duologue"))


_OF_OTHERS = re.compile(r"(?i:.*_proxy)|FORCE_COLOR|NO_COLOR|TTY_COMPATIBLE|OPENAI_.*|DUOLOGUE_.*")


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


@pytest_asyncio.fixture
async def idle_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes only while every task waits, and then at once: no machine is too slow for a time limit.

    What is given to a thread is done on the spot. For tests without sockets, whose work would look like idleness.
    """
    loop = asyncio.get_running_loop()
    # The loop asks its selector for what to wait for, and how long: asyncio has no public place for that.
    selector: Any = loop._selector  # type: ignore[attr-defined]
    select, now_s = selector.select, time.monotonic()

    def select_at_once(timeout_s: float | None = None) -> Any:
        nonlocal now_s
        ready = select(None if timeout_s is None else 0)
        if timeout_s and not ready:
            now_s += timeout_s
        return ready

    async def run_at_once(_: object, work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(selector, "select", select_at_once)
    monkeypatch.setattr(loop, "run_in_executor", run_at_once)
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
