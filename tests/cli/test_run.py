"""How a signal ends a process, also while its event loop is blocked."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.cli.conftest import started

pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals"), pytest.mark.timeout(30)]

_SCRIPT = """
import asyncio, re, signal, sys, time
from duologue.cli import run
from duologue.server import loop_factory

run._LAST_S = 0.2

def say(text):
    print(text, flush=True)

def block(how):
    say("blocked")
    if how == "python":
        while True:
            pass
    re.match("(a+)+$", "a" * 60 + "b")

async def work(when, how):
    if when == "before":
        block(how)
    say("ready")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("cancelled")
        if when == "after":
            block(how)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            say("cancelled again")
            if when == "at last":
                block(how)
            raise

when, how, loop = sys.argv[1:]
factory = loop_factory() if loop == "uvloop" else None
sys.exit(run.run_to_end(work(when, how), loop_factory=factory))
"""


def run(number: signal.Signals, *arguments: str, says: list[str]) -> int:
    """Send a signal when the process has said each of these lines; its exit code."""
    with started([sys.executable, "-c", _SCRIPT, *arguments], stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        for expected in says:
            while (line := process.stdout.readline().strip()) != expected:
                assert line, "the process has ended"
            process.send_signal(number)
        return process.wait(10)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_two_signals_cancel_twice_and_the_code_names_the_signal(number: signal.Signals, loop: str) -> None:
    assert run(number, "never", "python", loop, says=["ready", "cancelled"]) == 128 + number


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("how", ["python", "regex"])
@pytest.mark.parametrize(("when", "says"), [("after", ["ready", "blocked"]), ("at last", ["ready", "cancelled"])])
def test_a_second_signal_ends_a_process_whose_loop_is_blocked(when: str, says: list[str], how: str, loop: str) -> None:
    assert run(signal.SIGTERM, when, how, loop, says=says) == -signal.SIGTERM


@pytest.mark.parametrize("how", ["python", "regex"])
def test_two_signals_end_a_process_that_is_blocked_when_the_first_comes(how: str) -> None:
    with started(
        [sys.executable, "-c", _SCRIPT, "before", how, "uvloop"], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "blocked\n"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
