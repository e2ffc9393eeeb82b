"""Ctrl-C in programs that wait."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from duologue import blocking
from duologue.client.blocking import BlockingConversation
from duologue.protocol.usage_ledger import UsageSnapshot
from duologue.testing import Expect, ScriptedServer, Send
from duologue.transports.blocking import blocking_memory_pair
from tests.client._frames import created, greeting
from tests.client._interrupting import interrupted_at
from tests.client._threads import aside, join_all

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
        with subprocess.Popen(
            [sys.executable, "-c", program, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                out, errors = process.communicate(timeout=10)
            finally:
                process.kill()
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - began < 5
    assert out in (b"interrupted\n", b"")  # before the program began to wait, or while it did
    assert errors.decode().splitlines()[-1] == "KeyboardInterrupt"
    assert server.closed_with == [1000]


def ask(conversation: BlockingConversation) -> None:
    """Waits, for what never comes."""
    conversation.ask("Are you there?", timeout_s=0.02)


def read(conversation: BlockingConversation) -> None:
    """Waits, for what never comes."""
    list(conversation.texts(timeout_s=0.02))


def act(conversation: BlockingConversation) -> None:
    """What does not wait."""
    conversation.speak(bytes(4_800))
    conversation.cancel()
    conversation.interrupt()
    assert conversation.items == ()
    assert conversation.usage == UsageSnapshot()


@pytest.mark.parametrize("act", [ask, read, act, BlockingConversation.close])
def test_ctrl_c_at_any_moment_leaves_nothing_locked_and_no_thread(
    act: Callable[[BlockingConversation], object],
) -> None:
    moments = 0
    came = True
    while came:
        moments += 1
        came = within(10, partial(interrupted_conversation, moments, act), f"Ctrl-C at moment {moments} hangs")
    assert moments > 10
    join_all("duologue-")
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("duologue-")]


def interrupted_conversation(moment: int, act: Callable[[BlockingConversation], object]) -> bool:
    """A conversation in which something is interrupted, from its beginning to its end. Whether the moment came."""
    near, far = blocking_memory_pair()
    far.send(json.dumps(greeting()))
    with blocking.converse(open_connection=lambda: blocking.connect(transport=near)) as conversation:
        return interrupted_at(moment, lambda: act(conversation))


def within(limit_s: float, work: Callable[[], bool], otherwise: str) -> bool:
    """What some work returns, which is done in a thread, because it may hang."""
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(limit_s)
    assert not thread.is_alive(), otherwise
    assert results, f"{otherwise}: it failed"
    return results[0]
