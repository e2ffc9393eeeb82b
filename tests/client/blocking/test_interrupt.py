"""Ctrl-C in programs that wait."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial

import pytest

from duologue import blocking, connect
from duologue.client.blocking import BlockingConversation
from duologue.errors import ConnectionClosed
from duologue.events import ResponseCancelEvent
from duologue.protocol.client.usage import UsageSnapshot
from duologue.transports import MemoryTransport
from duologue.transports.blocking import blocking_memory_pair
from tests.client._frames import cleared, created, greeting, replies, serving
from tests.client._interrupting import interrupted_at
from tests.client._threads import in_a_thread, no_thread_left

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
    server = serving(replies("response.create", created("resp_1")))
    with in_a_thread(server.listening) as url:
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
    conversation.ask("Are you there?", timeout=0.02)


def read(conversation: BlockingConversation) -> None:
    """Waits, for what never comes."""
    list(conversation.texts(timeout=0.02))


def act(conversation: BlockingConversation) -> None:
    """What does not wait."""
    conversation.send_audio(bytes(4_800))
    conversation.cancel()
    conversation.interrupt()
    assert conversation.items == ()
    assert conversation.usage == UsageSnapshot()


@pytest.mark.parametrize("act", [ask, read, act, BlockingConversation.close])
def test_ctrl_c_at_any_moment_leaves_nothing_locked_and_no_thread(
    act: Callable[[BlockingConversation], object],
) -> None:
    with no_thread_left(soon=True):
        assert interrupted_everywhere(partial(interrupted_conversation, act)) > 10


def interrupted_conversation(act: Callable[[BlockingConversation], object], moment: int) -> bool:
    """A conversation in which something is interrupted, from its beginning to its end. Whether the moment came."""
    near, far = blocking_memory_pair()
    far.send(json.dumps(greeting()))
    with blocking.converse(open_connection=lambda: connect(transport=near)) as conversation:
        return interrupted_at(moment, lambda: act(conversation))


def receive_all(connection: blocking.BlockingConnection) -> None:
    """Waits, for what never comes, after all that does."""
    while True:
        RECEIVED.append(connection.receive(timeout=0.02).event_id)


def send_both(connection: blocking.BlockingConnection) -> None:
    """What does not wait."""
    connection.append(bytes(4_800))
    connection.send(ResponseCancelEvent(event_id="sent"))


RECEIVED: list[object] = []


@pytest.mark.parametrize("act", [receive_all, send_both, blocking.BlockingConnection.close])
def test_ctrl_c_at_any_moment_leaves_a_connection_usable_or_closed_and_loses_one_event_at_most(
    act: Callable[[blocking.BlockingConnection], object],
) -> None:
    with no_thread_left(soon=True):
        assert interrupted_everywhere(partial(interrupted_connection, act)) > 10


def interrupted_connection(act: Callable[[blocking.BlockingConnection], object], moment: int) -> bool:
    """A connection on which something is interrupted, and which is used afterwards. Whether the moment came."""
    near, far = blocking_memory_pair()
    RECEIVED.clear()
    with blocking.connect(transport=near) as connection:
        for number in range(5):
            far.send(cleared(number))
        came = interrupted_at(moment, lambda: act(connection))
        try:
            connection.send(ResponseCancelEvent(event_id="last"), timeout=5)
            while "4" not in RECEIVED[-1:]:
                RECEIVED.append(connection.receive(timeout=0.2).event_id)
        except ConnectionClosed:
            assert act is blocking.BlockingConnection.close
            return came
        except TimeoutError:
            pass  # the last one was lost
        assert len(RECEIVED) in (4, 5)
        assert sorted(RECEIVED, key=str) == RECEIVED
    received: list[str] = []
    with suppress(ConnectionClosed):
        while True:
            received.append(str(far.receive(timeout=5)))
    if act is blocking.BlockingConnection.close and not received:
        return came  # the close that was interrupted went on behind what was handed over
    assert '"event_id":"last"' in received[-1]
    assert len(received) <= 3
    return came


def enter_and_leave(opening: Callable[[MemoryTransport], AbstractContextManager[object]], *, by_a_fault: bool) -> None:
    near, far = blocking_memory_pair()
    far.send(json.dumps(greeting()))
    with suppress(ZeroDivisionError), opening(near):
        if by_a_fault:
            raise ZeroDivisionError


@pytest.mark.parametrize("by_a_fault", [False, True])
@pytest.mark.parametrize(
    "opening",
    [
        lambda near: blocking.connect(transport=near),
        lambda near: blocking.converse(open_connection=lambda: connect(transport=near)),
    ],
    ids=["connect", "converse"],
)
def test_ctrl_c_at_any_moment_of_entering_and_leaving_the_block_comes_out_and_leaves_no_thread(
    opening: Callable[[MemoryTransport], AbstractContextManager[object]], by_a_fault: bool
) -> None:
    with no_thread_left(soon=True):
        work = partial(enter_and_leave, opening, by_a_fault=by_a_fault)
        assert interrupted_everywhere(lambda moment: interrupted_at(moment, work)) > 50


LOOKING = """
import json, sys, typing
from pathlib import Path
import duologue
from duologue import blocking
from duologue.transports.blocking import blocking_memory_pair

package = str(Path(duologue.__file__).parent)

def look(frame, event, _):
    if event == "call" and (frame.f_code.co_name, frame.f_code.co_filename) == ("__hash__", typing.__file__):
        if frame.f_back.f_code.co_filename.startswith(package):  # not by Python code between ours and the type
            print("asked")

near, far = blocking_memory_pair()
far.send(sys.argv[1])
sys.setprofile(look)
with blocking.connect(transport=near) as connection:
    print(connection.receive(timeout=5).type)
"""


def test_types_are_not_asked_for_their_hashes_by_the_thread_that_gets_ctrl_c() -> None:
    """msgspec asks them, at the first event, and forgets what they raise: an interrupt too."""
    command = [sys.executable, "-c", LOOKING, json.dumps(greeting())]
    shown = subprocess.check_output(command, text=True, encoding="utf-8", timeout=20)
    assert shown.splitlines() == ["session.created"]


def interrupted_everywhere(interrupted: Callable[[int], bool]) -> int:
    """Do something once for each of its moments, interrupted there; how many there are."""
    moment = 1
    while within(10, partial(interrupted, moment), f"Ctrl-C at moment {moment} hangs"):
        moment += 1
    return moment


def within(limit_s: float, work: Callable[[], bool], otherwise: str) -> bool:
    """What some work returns, which is done in a thread, because it may hang."""
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(limit_s)
    assert not thread.is_alive(), otherwise
    assert results, f"{otherwise}: it failed"
    return results[0]
