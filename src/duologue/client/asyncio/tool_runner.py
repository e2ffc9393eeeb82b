"""Runs the functions that the model calls: off the path that reads events, each with its own time limit."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from duologue.client.answers import failed_call, overdue_call
from duologue.printable import printable_name
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.tools.toolbox import ToolProblem

__all__ = ["MAX_THREADS", "RunningTools"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long cancelled functions may take to clean up."""

MAX_THREADS: Final = KeptLimits().running
"""Of functions that run, those included that were given up: nothing stops a thread, and each call may bring another."""

_Report = Callable[[str, object], None]


class RunningTools:
    """Functions under way, by call id.

    Async functions run as tasks and are cancelled when they are stopped. Sync ones run in threads, which nothing can
    stop: they are let run, and what they return is dropped. Such a thread keeps neither the conversation nor the
    program from ending.
    """

    def __init__(self, *, timeout: float, answered: _Report, failed: Callable[[str, str], None]) -> None:
        self._timeout_s = timeout
        self._answered = answered
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped: set[str] = set()
        self.threads: dict[threading.Thread, str] = {}
        """Where sync functions run, given up or not, and what they are called."""
        self._closed = False

    def start(self, call: ToolCall) -> None:
        """Run a function; its result or failure is reported, unless it is stopped. Does nothing after `close`."""
        if self._closed:
            return  # the last events of a connection that is being closed are still read
        task = asyncio.ensure_future(self._run(call))  # noqa: TID251 - kept in the table, and awaited by `close`
        self._tasks[call.call_id] = task
        task.add_done_callback(lambda _: self._forget(call.call_id))

    def stop(self, call_id: str) -> None:
        """Give a function up."""
        if (task := self._tasks.get(call_id)) is not None:
            self._stopped.add(call_id)
            task.cancel()

    async def close(self) -> None:
        """Give all of them up, and wait a moment for their ends. Nothing is run any more."""
        self._closed = True
        tasks = list(self._tasks.values())
        for call_id in list(self._tasks):
            self.stop(call_id)
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_S)

    def _forget(self, call_id: str) -> None:
        self._tasks.pop(call_id, None)
        self._stopped.discard(call_id)

    async def _run(self, call: ToolCall) -> None:
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                result = await call.bound() if call.bound.tool.is_async else await self._in_thread(call)
                if inspect.isawaitable(result):  # a function that only wraps an async one
                    result = await result
        except asyncio.CancelledError:
            if call.call_id in self._stopped:
                raise
            # Its own doing: the model must hear of it, or it would wait for ever.
            self._failed(call.call_id, f"{call.name} was cancelled.")
        except Exception as fault:
            if isinstance(fault, TimeoutError) and limit.expired():
                self._failed(call.call_id, overdue_call(call.name, timeout=self._timeout_s))
                return
            if not isinstance(fault, ToolProblem):
                _logger.exception("the function %s failed", printable_name(call.name))
            self._failed(call.call_id, failed_call(call.name, fault))
        else:
            self._answered(call.call_id, result)

    async def _in_thread(self, call: ToolCall) -> Any:
        """What the function returns, called in a thread of its own. Cancelling leaves the thread to itself.

        Not in the loop's pool: functions that never return would fill it, and the program's end would wait for them.

        Raises:
            ToolProblem: so many functions run already, given up or not.
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
                result = context.run(call.bound)
            except BaseException as raised:
                # What ends a program in its main thread ends one call here, and a future does not take StopIteration.
                ordinary = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
                fault = raised if ordinary else RuntimeError(f"{type(raised).__name__} was raised")
            try:
                loop.call_soon_threadsafe(deliver, result, fault)
            except RuntimeError:
                _logger.debug("a function returned after the end of its loop")
            finally:
                self.threads.pop(thread, None)

        thread = threading.Thread(target=run, name=f"duologue-tool-{call.name}", daemon=True)
        self.threads[thread] = call.name
        thread.start()
        return await answer
