"""Runs the functions that the model calls, each with a time limit, without blocking the reader of events."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from duologue.clock import waiting_for_thread
from duologue.printable import printable_name
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.tools.functions import ToolProblem

__all__ = ["MAX_THREADS", "ToolRunner"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long cancelled functions may take to clean up."""

MAX_THREADS: Final = KeptLimits().running
"""Of sync functions that run. Those that were given up count too: a thread cannot be stopped."""

_RUNNERS: Final[contextvars.ContextVar[tuple[ToolRunner, ...]]] = contextvars.ContextVar("duologue_runners", default=())
"""Of the functions that the current code runs in."""

_Report = Callable[[str, object], None]


class ToolRunner:
    """Functions under way, by call id.

    Async functions run as tasks, and are cancelled when they are stopped. Sync ones run in threads, which cannot be
    stopped: they go on, and what they return is dropped. Such a thread keeps neither the conversation nor the program
    from ending.
    """

    def __init__(
        self,
        *,
        timeout: float,
        answered: _Report,
        failed: Callable[[str, str], None],
        injected: Callable[[ToolCall], dict[str, Any]] | None = None,
    ) -> None:
        self._timeout_s = timeout
        self._injected = injected if injected is not None else _no_values
        self._answered = answered
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped: set[str] = set()
        self.threads: dict[threading.Thread, str] = {}
        """Threads of sync functions, given up or not, with the functions' names."""
        self._closed = False
        self.watch: Callable[[ToolCall, bool], None] | None = None
        """Called when a function begins, and with True when it has ended, or was given up."""

    def start(self, call: ToolCall) -> None:
        """Run a function; its result or failure is reported, unless it is stopped. Does nothing after `close`."""
        if self._closed:
            return  # the last events of a connection are still read while it is closed
        task = asyncio.ensure_future(self._run(call))  # noqa: TID251 - kept in the table, and awaited by `close`
        self._tasks[call.call_id] = task
        task.add_done_callback(lambda _: self._forget(call.call_id))

    def stop(self, call_id: str) -> None:
        """Give a function up; what it returns is dropped."""
        if (task := self._tasks.get(call_id)) is not None:
            self._stopped.add(call_id)
            task.cancel()

    @property
    def is_called_from_function(self) -> bool:
        """Whether the current code runs in one of these functions, in whichever thread."""
        return self in _RUNNERS.get()

    async def close(self) -> None:
        """Give all of them up, and wait a second at most for their ends. `start` does nothing from now on."""
        self._closed = True
        tasks = list(self._tasks.values())
        for call_id in list(self._tasks):
            self.stop(call_id)
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_S)

    def forget(self) -> None:
        """Let go of what refers back to this object. Behind `close`; a function that still runs reports to no one."""
        self._answered = self._failed = _unheard
        self._injected = _no_values
        self.watch = None

    def _forget(self, call_id: str) -> None:
        self._tasks.pop(call_id, None)
        self._stopped.discard(call_id)

    async def _run(self, call: ToolCall) -> None:
        limit = asyncio.timeout(self._timeout_s)
        if self.watch is not None:
            self.watch(call, False)
        try:
            in_function = _RUNNERS.set((*_RUNNERS.get(), self))  # in this task, and in what the function starts
            try:
                async with limit:
                    bound = partial(call.bound, **self._injected(call))
                    result = await bound() if call.bound.tool.is_async else await self._in_thread(call.name, bound)
                    if inspect.isawaitable(result):  # a function that only wraps an async one
                        result = await result
            finally:
                _RUNNERS.reset(in_function)
                if self.watch is not None:
                    self.watch(call, True)
        except asyncio.CancelledError:
            if call.call_id in self._stopped:
                del limit  # it refers to this task, whose exception refers to this frame
                raise
            # The function cancelled itself: without an answer the model would wait for ever.
            self._failed(call.call_id, f"{call.name} was cancelled.")
        except Exception as fault:
            if isinstance(fault, TimeoutError) and limit.expired():
                self._failed(call.call_id, f"{call.name} took longer than {self._timeout_s:g} s and was given up.")
                return
            if isinstance(fault, ToolProblem):  # its message is for the model
                self._failed(call.call_id, str(fault))
                return
            _logger.exception("the function %s failed", printable_name(call.name))
            # The name of the exception only: its message may hold what the model must not know.
            self._failed(call.call_id, f"{call.name} failed with {type(fault).__name__}.")
        else:
            self._answered(call.call_id, result)

    async def _in_thread(self, name: str, bound: Callable[[], Any]) -> Any:
        """Call the function in a thread of its own; returns what it returns. Cancelled, it leaves the thread running.

        Not in the loop's thread pool: functions that never return would fill it, and the program would wait for them at
        its end.

        Raises:
            ToolProblem: `MAX_THREADS` functions run already, given up or not.
        """
        if len(self.threads) >= MAX_THREADS:
            raise ToolProblem(f"{MAX_THREADS} functions run already; call it again later.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()

        def deliver(result: Any, fault: BaseException | None) -> None:
            if answer.done():
                return
            if fault is not None:
                answer.set_exception(fault)
            else:
                answer.set_result(result)

        def run() -> None:
            result, fault = None, None
            try:
                result = context.run(bound)
            except BaseException as raised:
                # SystemExit and its like end only this call, and a future does not accept StopIteration.
                ordinary = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
                fault = raised if ordinary else RuntimeError(f"{type(raised).__name__} was raised")
            try:
                loop.call_soon_threadsafe(deliver, result, fault)
            except RuntimeError:
                _logger.debug("a function returned after the end of its loop")
            finally:
                self.threads.pop(thread, None)

        thread = threading.Thread(target=run, name=f"duologue-tool-{name}", daemon=True)
        self.threads[thread] = name
        with waiting_for_thread():
            thread.start()
            return await answer


def _no_values(_: ToolCall) -> dict[str, Any]:
    return {}


def _unheard(_: str, __: object) -> None:
    """What a function reports after the end of its conversation."""
