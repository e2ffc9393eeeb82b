"""The event loop thread under the blocking client: its context, its calls, and its end."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

import pytest

from duologue.client.blocking import loop_thread
from duologue.client.blocking.loop_thread import LoopThread
from duologue.errors import ConnectionClosedOK
from tests.client._interrupting import interrupted_at
from tests.client._threads import no_thread_left


class Place:
    """An async context that notes how it is left."""

    def __init__(self, *, closed: Exception | None = None, fault: Exception | None = None) -> None:
        self.left: list[str] = []
        self.closed = closed
        self.fault = fault

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[str, None]:
        if self.closed is not None:
            raise self.closed
        try:
            yield "value"
            self.left.append("as agreed")
            if self.fault is not None:
                raise self.fault
        finally:
            self.left.append("for good")


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def loop() -> Generator[LoopThread[str], None, None]:
    """One that is open, and closed at the end."""
    loop = LoopThread(Place())
    loop.open()
    yield loop
    loop.close()


def test_the_context_is_entered_and_left_in_one_thread_which_is_gone_then() -> None:
    place = Place()
    with no_thread_left():
        loop = LoopThread(place)
        assert loop.open() == "value"
        assert loop.do(threading.get_ident) != threading.get_ident()
        loop.close()
        loop.close(at_once=True)
    assert place.left == ["as agreed", "for good"]


def test_it_is_left_at_once_when_it_is_asked_to_and_one_that_was_never_opened_has_nothing_to_leave() -> None:
    place = Place()
    with no_thread_left():
        loop = LoopThread(place)
        loop.close(at_once=True)
        loop = LoopThread(place)
        loop.open()
        loop.close(at_once=True)
    assert place.left == ["for good"]


def test_what_entering_and_leaving_raise_comes_out() -> None:
    with no_thread_left():
        with pytest.raises(ValueError, match="no way in"):
            LoopThread(Place(closed=ValueError("no way in"))).open()
        loop = LoopThread(Place(fault=ValueError("no way out")))
        loop.open()
        with pytest.raises(ValueError, match="no way out"):
            loop.close()
        loop.close()


def test_no_thread_to_be_had_is_an_error_and_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    for target in ("_thread.start_new_thread", "threading.Thread.start"):
        with monkeypatch.context() as patch:
            patch.setattr(target, refuse)
            loop = LoopThread(Place())
            with pytest.raises(RuntimeError, match="can't start"):
                loop.open()
            loop.close(at_once=True)


def test_a_call_that_takes_too_long_is_cancelled_before_its_timeout_is_raised(loop: LoopThread[str]) -> None:
    ended = threading.Event()

    async def slow() -> None:
        try:
            await forever()
        finally:
            ended.set()

    with pytest.raises(TimeoutError, match=r"it is late within 0\.01 s"):
        loop.call(slow, 0.01, late="it is late")
    assert ended.is_set()


def test_an_interrupt_at_any_moment_of_a_call_ends_what_it_has_begun(loop: LoopThread[str]) -> None:
    moment = 0
    while True:
        moment += 1
        running: list[asyncio.Task[None] | None] = []

        async def note_and_wait(running: list[asyncio.Task[None] | None] = running) -> None:
            running.append(asyncio.current_task())
            await forever()

        if not interrupted_at(moment, partial(loop.call, note_and_wait, 0.02)):
            break
        for task in loop.do(running.copy):
            assert task is not None
            loop.call(partial(asyncio.wait, [task]), 5)
            assert task.cancelled()
    assert moment > 10


def test_what_waits_for_nothing_is_done_however_short_the_time_is(loop: LoopThread[str]) -> None:
    async def quick() -> str:
        return "done"

    assert [loop.call(quick, timeout_s) for timeout_s in (0, -1, 0.0)] == ["done"] * 3


def test_calls_that_wait_end_with_the_loop_and_later_ones_say_that_it_is_over(loop: LoopThread[str]) -> None:
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        await forever()

    with no_thread_left(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(loop.call, wait)
        assert begun.wait(5)
        loop.close()
        with pytest.raises(ConnectionClosedOK):
            waiting.result(5)
    with pytest.raises(ConnectionClosedOK):
        loop.call(forever)
    assert loop.do(lambda: "here") == "here"
    assert not loop.hand_over(forever)
    assert not loop.post(forever)


def test_a_call_that_had_not_begun_before_the_end_is_answered(
    loop: LoopThread[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "post", lambda _: True)  # as if the loop had no more turn to look at it
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(loop.call, forever)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        monkeypatch.undo()
        loop.close()
        with pytest.raises(ConnectionClosedOK):
            waiting.result(5)


def test_what_is_handed_over_runs_in_order_and_before_later_calls_and_one_fault_ends_nothing(
    loop: LoopThread[str], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError("not on purpose")

    for number in range(3):
        assert loop.hand_over(partial(seen.append, number))
        assert loop.hand_over(fail)
    assert loop.do(lambda: list(seen)) == [0, 1, 2]
    assert loop.n_handed_over == 0
    assert caplog.text.count("a function that a thread handed over failed") == 3


def test_a_loop_that_is_far_behind_takes_no_more(loop: LoopThread[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_thread, "_MAX_HANDED_OVER", 2)
    release = threading.Event()
    loop.post(lambda: release.wait(5))
    assert [loop.hand_over(int) for _ in range(3)] == [True, True, False]
    release.set()


def test_the_loop_s_own_thread_is_not_made_to_wait_for_itself(loop: LoopThread[str]) -> None:
    assert loop.do(lambda: loop.do(lambda: "at once")) == "at once"
    for verb in (lambda: loop.call(forever), loop.close):
        with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
            loop.do(verb)


def test_a_task_that_does_not_let_itself_be_cancelled_is_left_behind_and_named(
    loop: LoopThread[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop_thread, "_END_S", 0.05)
    begun, release = threading.Event(), threading.Event()

    async def stubborn() -> None:
        begun.set()
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop.call, stubborn)
        assert begun.wait(5)
        loop.close(at_once=True)
        assert "goes on after its close" in caplog.text
        release.set()
        running.exception(5)
    monkeypatch.undo()
    loop.close()
    assert not loop._thread.is_alive()
