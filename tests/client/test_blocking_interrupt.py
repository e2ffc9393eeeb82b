"""Ctrl-C in programs that wait."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from duologue.testing import Expect, ScriptedServer, Send
from tests.client._frames import created, greeting
from tests.client._threads import aside

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a program there gets Ctrl-C from its console only")

PROGRAM = """
import sys, threading
from duologue import blocking
with blocking.{opening}(sys.argv[1]) as it:
    it.session
    print("ready", flush=True)
    try:
        {waiting}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        raise
    finally:
        threading.excepthook = lambda fault: print("thread", fault, flush=True)
"""


@pytest.mark.parametrize(
    ("opening", "waiting"),
    [
        ("connect", "[event for event in it]"),
        ("converse", "it.respond()"),
        ("converse", "list(it.texts())"),
        ("converse", "it.ask('Are you there?')"),
    ],
)
def test_ctrl_c_ends_a_program_that_waits_at_once_and_cleanly(opening: str, waiting: str) -> None:
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(created("resp_1"))])
    with aside(server.listening) as url:
        program = PROGRAM.format(opening=opening, waiting=waiting)
        process = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=10)
        finally:
            process.kill()
            process.wait(10)
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - began < 5
    assert out in (b"interrupted\n", b"")  # before the program began to wait, or while it did
    assert errors.decode().splitlines()[-1] == "KeyboardInterrupt"
    assert server.closed_with == [1000]
