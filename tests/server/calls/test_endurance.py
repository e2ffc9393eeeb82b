"""What takes long: calls without number, a browser that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from tests._browsers import Browsers, microphone
from tests._pages import serving_pages
from tests.server._listening import listening, scripted_app
from tests.server._session_ends import SessionEnds

_ROOT = Path(__file__).parents[3]
_GROWTH_MB = 20
_GONE_WITHIN_S = 15
_GONE = 1006
_NUMBER = 500

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.mark.timeout(600)
async def test_calls_leave_nothing_behind_in_a_server() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.server.calls._churn", str(_NUMBER), cwd=_ROOT, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(580):
            printed, said = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    assert program.returncode == 0, said[-2000:].decode(errors="replace")
    held = json.loads(printed.splitlines()[-1])
    before, behind = held["before"], held["behind"]
    assert behind["rss_mb"] - before["rss_mb"] <= _GROWTH_MB
    for what in ("descriptors", "threads", "python_threads", "tasks"):
        assert behind[what] <= before[what], what


@pytest.mark.timeout(120)
async def test_the_session_of_a_killed_browser_is_over_soon() -> None:
    compat = _ROOT / "tests" / "compat"
    scripts = '<script src="listener.js"></script><script src="page.js"></script>'
    files: dict[str, Path | str] = {
        "index.html": f'<!doctype html><title>Test</title><link rel="icon" href="data:,">{scripts}',
        "listener.js": _ROOT / "tests" / "_listener.js",
        "page.js": compat / "webrtc_sample.js",
    }
    ends = SessionEnds()
    async with listening(scripted_app(ends=ends)) as url, serving_pages(files) as site, AsyncExitStack() as stack:
        before = set(_descendants())
        tab = await (await Browsers(stack).chromium()).tab(script=microphone("question"))
        await tab.open(f"{site}index.html")
        await tab.value(f"() => begin('{url.replace('ws', 'http', 1)}/calls', 'none')")
        await tab.until("() => count('session.created') === 1")
        await tab.value("() => speak('question')")
        killed = [pid for pid, command in _descendants() if (pid, command) not in before and "chrom" in command]
        assert killed
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(_GONE_WITHIN_S):
            assert await ends.codes.get() == _GONE


def _descendants() -> Iterator[tuple[int, str]]:
    """Processes that this one has begun, and theirs: their ids and commands."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                command = stat[stat.index("(") + 1 : stat.rindex(")")]
                parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append((int(entry.name), command))
    left = [os.getpid()]
    while left:
        for child in parents.get(left.pop(), ()):
            yield child
            left.append(child[0])
