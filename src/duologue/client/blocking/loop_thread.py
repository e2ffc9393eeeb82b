"""An event loop in a thread of its own, which holds one async context open, and calls into it from other threads.

A caller may be the main thread, where Ctrl-C raises KeyboardInterrupt between any two bytecode instructions. So a
caller waits only on `queue.SimpleQueue`, which is written in C. `threading.Condition` is written in Python, and
`threading.Event`, `concurrent.futures.Future` and `asyncio.run_coroutine_threadsafe` use it: an interrupt just after it
has taken its lock would leave the lock taken for ever, and the loop would wait for it. KeyboardInterrupt is never
raised in the loop's own thread.
"""

from __future__ import annotations

import _thread
import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Final, Generic, TypeVar

from duologue.clock import is_virtual
from duologue.errors import ConnectionClosedOK, DuologueError

__all__ = ["SLOW_SERVER", "LoopThread"]

_logger = logging.getLogger(__name__)

_END_S: Final = 15.0
"""How long a close waits for the thread. The limits of what runs in it add up to less; only an async function that
suppresses its cancellation takes longer."""

SLOW_SERVER: Final = "the server took nothing"
"""Why a call that sends timed out."""

_MAX_HANDED_OVER: Final = 64
"""Functions on their way to the loop. When there are more, the loop is far behind, and callers wait for it."""

_LAST_INSTRUCTIONS_S: Final = 1.0
"""How long to wait for a thread that has reported its end: it takes microseconds."""

T = TypeVar("T")
R = TypeVar("R")


class LoopThread(Generic[T]):
    """Runs an event loop in a thread from `open` to `close`, inside the context that `make` returns.

    There is one thread for each connection or conversation: an interrupt cannot leave a wrong count of users, and no
    conversation delays another.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._thread = threading.Thread(target=self._run, name="duologue-loop", daemon=True)
        self._opened: queue.SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._holder: asyncio.Task[Any] | None = None
        self._leaving = asyncio.Event()
        self._context = Context()
        """What the caller of `open` has set: the current trace, for one."""
        self._calls: set[_Call[Any]] = set()
        """Calls that may have a waiting caller. Each gets an outcome, at the latest when the thread ends."""
        self._handed_over: deque[Callable[[], object]] = deque()
        self._is_begun = self._is_entered = self._is_ending = self._is_over = False
        self._is_given_up = self._is_cancelled = False
        self._fault: BaseException | None = None
        """What leaving the context raised."""
        self._failed: dict[object, tuple[int, BaseException]] = {}
        """Faults of what runs beside blocks, by block: the thread of the block, and the fault."""

    @property
    def is_own_thread(self) -> bool:
        """Whether the caller runs on the loop."""
        return threading.get_ident() == self._thread.ident

    def open(self) -> T:
        """Start the thread and enter the context; returns what it yields, or raises what it raises.

        Raises:
            RuntimeError: the caller runs in virtual time, which would stand still here.
        """
        if is_virtual():
            raise RuntimeError(
                "a blocking client has an event loop of its own, which keeps real time: in virtual time use the asyncio"
                " client, duologue.connect or duologue.converse"
            )
        self._context = copy_context()
        self._is_begun = True  # set early: an interrupt after this line costs `close` a wait, and leaves no thread
        try:
            # `Thread.start` waits on a Condition: call it in another thread.
            _thread.start_new_thread(self._start, ())
        except RuntimeError:  # the system allows no more threads
            self._is_begun = False
            raise
        value, fault = self._opened.get()
        if fault is None:
            return value  # type: ignore[return-value]  # without a fault there is a value
        if isinstance(fault, DuologueError):
            fault.__traceback__ = None  # its sentence says why; what the other thread went through does not
        try:
            raise fault
        finally:
            del fault  # an exception refers to this frame: keeping it here would be a cycle

    def close(self, *, at_once: bool = False) -> None:
        """Leave the context, as if by an exception if `at_once`, and wait until the thread is gone.

        Closing twice is fine, and so is closing at once while another close takes its time. Raises what leaving the
        context raised, unless `at_once`.

        Raises:
            RuntimeError: this is the loop's own thread.
        """
        self._check_thread()
        ending: _Call[None] = _Call(_nothing)
        ending.is_cleanup = True
        self._calls.add(ending)
        self._is_given_up = self._is_given_up or at_once
        if self._is_begun and not self._is_over:
            self.post(self._leave)
            with suppress(queue.Empty):
                ending.outcome.get(timeout=_END_S)
        self._calls.discard(ending)
        if self._thread.is_alive():
            self._thread.join(_LAST_INSTRUCTIONS_S if self._is_over else 0)
        if self._thread.is_alive():
            _logger.warning("an event loop thread goes on after its close: a task in it suppresses its cancellation")
        self._make = _over  # it may refer to this object
        fault, self._fault = self._fault, None
        try:
            if fault is not None and at_once:
                _logger.error("cannot close cleanly", exc_info=fault)
            elif fault is not None:
                raise fault
        finally:
            del fault

    def call(
        self,
        work: Callable[[], Coroutine[Any, Any, R]],
        timeout: float | None = None,
        *,
        late: str = "",
        is_cleanup: bool = False,
    ) -> R:
        """Run a coroutine function on the loop as a task; returns what it returns, or raises what it raises.

        KeyboardInterrupt cancels it. So does the end of `timeout`, in seconds; an outcome that it still reaches then
        counts: when TimeoutError is raised, it has been cancelled. Raises the fault of a block of this thread
        (`fail_thread`), unless it `is_cleanup`.

        Raises:
            TimeoutError: it is not done in time; its message begins with `late`.
            ConnectionClosedOK: the loop is over.
            RuntimeError: this is the loop's own thread, which would wait for itself.
        """
        self._check_thread()
        call: _Call[R] = _Call(work)
        call.is_cleanup = is_cleanup
        if not is_cleanup:
            self.raise_fault()
        outcome = self._outcome(call, timeout)
        if outcome is not None:
            return outcome.result()
        if call.is_given_up:
            raise TimeoutError(f"{late} within {timeout:g} s")
        raise ConnectionClosedOK(1000)

    def do(self, act: Callable[[], R]) -> R:
        """Run a function on the loop's thread, or here if the loop is over; returns what it returns."""
        if self.is_own_thread:
            return act()
        call: _Call[R] = _Call(act)
        outcome = self._outcome(call, None)
        return outcome.result() if outcome is not None else act()

    def post(self, act: Callable[[], object]) -> bool:
        """Run a function on the loop without waiting for it. False if the loop is over or has not begun."""
        loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(act)
        except RuntimeError:  # it is closed
            return False
        return True

    @property
    def n_handed_over(self) -> int:
        """How many functions are on their way to the loop."""
        return len(self._handed_over)

    def hand_over(self, act: Callable[[], object]) -> bool:
        """Run a function on the loop before every later call, without waiting for it.

        False if too many are on their way, or the loop is over.
        """
        if len(self._handed_over) >= _MAX_HANDED_OVER:
            return False
        self._handed_over.append(act)
        return self.post(self._take_over)

    def raise_fault(self) -> None:
        """Raise what `fail_thread` was told for this thread."""
        for thread, fault in list(self._failed.values()):
            if thread == threading.get_ident():
                try:
                    raise fault
                finally:
                    del fault

    def fail_thread(self, block: object, thread: int, fault: BaseException) -> None:
        """Have every call that a thread waits for, and the ones after it, raise a fault, up to `forgive_thread`.

        On the loop's thread.
        """
        self._failed[block] = (thread, fault)
        for call in self._calls.copy():
            if call.thread == thread:
                call.fail(fault)

    def forgive_thread(self, block: object) -> None:
        """The block has ended: its fault is not raised any more."""
        self._failed.pop(block, None)

    # --- in the caller's thread

    def _start(self) -> None:
        try:
            self._thread.start()
        except BaseException as fault:
            self._is_over = True
            self._opened.put((None, fault))

    def _outcome(self, call: _Call[R], timeout: float | None) -> _Outcome[R] | None:
        """The outcome of a call; None: it was cancelled, or the loop is over."""
        self._calls.add(call)
        try:
            if self._is_over or not self.post(partial(self._begin, call)):
                return None
            try:
                return call.outcome.get(timeout=None if timeout is None else max(0.0, timeout))
            except queue.Empty:
                self.post(call.give_up)
                return call.outcome.get()
        except BaseException:
            self.post(call.give_up)
            raise
        finally:
            self._calls.discard(call)

    def _check_thread(self) -> None:
        if self.is_own_thread:
            raise RuntimeError(
                "a blocking verb would wait for its own event loop here: async functions call it with asyncio.to_thread"
            )

    # --- in the loop's thread

    def _take_over(self) -> None:
        while self._handed_over:
            try:
                self._handed_over[0]()
            except Exception:
                _logger.exception("a function that a thread handed over failed")
            finally:
                self._handed_over.popleft()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._hold(), context=self._context)
        except BaseException as fault:
            if not self._is_entered:
                self._opened.put((None, fault))
            elif not (self._is_cancelled and isinstance(fault, asyncio.CancelledError)):
                self._fault = fault
        finally:
            self._is_over = True
            self._holder = None  # its exception may refer to this object
            for call in self._calls.copy():
                call.outcome.put(None)

    async def _hold(self) -> None:
        self._holder = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._is_given_up:  # `close` came before the loop ran
            return
        try:
            async with self._make() as value:
                self._is_entered = True
                self._opened.put((value, None))
                await self._leaving.wait()
        finally:
            self._is_ending = True

    def _leave(self) -> None:
        self._leaving.set()
        # Once: a second cancellation would interrupt the cleanup that the first has begun.
        if self._is_given_up and not self._is_cancelled and self._holder is not None:
            self._is_cancelled = self._holder.cancel()

    def _begin(self, call: _Call[Any]) -> None:
        self._take_over()  # an interrupt may have prevented `hand_over` from posting it
        if self._is_ending:
            call.outcome.put(None)
        elif not call.is_failed:
            call.begin()


class _Outcome(Generic[R]):
    """The result or the exception of a call."""

    def __init__(self, value: R | None, fault: BaseException | None) -> None:
        self._value = value
        self._fault = fault

    def result(self) -> R:
        fault, self._fault = self._fault, None  # an exception refers to this frame: keeping it here would be a cycle
        try:
            if fault is not None:
                raise fault
        finally:
            del fault
        return self._value  # type: ignore[return-value]  # without a fault there is a value


class _Call(Generic[R]):
    """A function or coroutine function that a thread waits for. Outcome None: cancelled, or the loop is over."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.outcome: queue.SimpleQueue[_Outcome[R] | None] = queue.SimpleQueue()
        self.thread = threading.get_ident()
        self.is_given_up = False
        self.is_cleanup = self.is_failed = False
        self._work = work
        self._task: asyncio.Task[R] | None = None

    def begin(self) -> None:
        try:
            result = self._work()
        except BaseException as fault:  # the caller waits for it, whatever it is
            self.outcome.put(_Outcome(None, fault))
            return
        if not asyncio.iscoroutine(result):
            self.outcome.put(_Outcome(result, None))
            return
        self._task = asyncio.ensure_future(result)  # noqa: TID251 - kept here, and ended with its loop
        self._task.add_done_callback(self._end)

    def give_up(self) -> None:
        self.is_given_up = True
        if self._task is not None:
            # After its first step: what need not wait is done, however short the timeout.
            asyncio.get_running_loop().call_soon(self._task.cancel)

    def fail(self, fault: BaseException) -> None:
        """Give the caller a fault in place of what it waits for, which is cancelled."""
        if not self.is_cleanup:
            self.is_failed = True
            self.outcome.put(_Outcome(None, fault))
            if self._task is not None:
                self._task.cancel()

    def _end(self, task: asyncio.Task[R]) -> None:
        self._task = None  # its exception will refer to this object
        if task.cancelled():
            self.outcome.put(None)
        elif (fault := task.exception()) is not None:
            self.outcome.put(_Outcome(None, fault))
        else:
            self.outcome.put(_Outcome(task.result(), None))


def _over() -> Any:
    raise RuntimeError("a loop runs once")


def _nothing() -> None:
    """The work of a call that only waits for the end of the loop."""
