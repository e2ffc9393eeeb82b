"""Runs the functions that the model calls, each in a thread of its own."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from duologue.client.conduct import failed_call, overdue_call
from duologue.client.running_tools import MAX_THREADS
from duologue.printable import printable_name
from duologue.protocol.tool_calls import ToolCall
from duologue.protocol.toolbox import ToolProblem

__all__ = ["ThreadedTools"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long functions that were stopped may take to end."""


class ThreadedTools:
    """Functions under way, by call id.

    An async function has an event loop in its thread, and is cancelled when it is stopped. Nothing can stop a sync
    one: it is let run, and what it returns is dropped.
    """

    def __init__(
        self, *, timeout_s: float, answered: Callable[[str, object], None], failed: Callable[[str, str], None]
    ) -> None:
        self._timeout_s = timeout_s
        self._answered = answered
        self._failed = failed
        self._lock = threading.Lock()
        self._running: dict[str, _Run] = {}
        self._stopped: list[_Run] = []
        self._closed = False

    def start(self, call: ToolCall) -> None:
        """Run a function; its result or failure is reported from its thread, unless it is stopped. Does nothing after
        `close`."""
        run = _Run(call, due_at=time.monotonic() + self._timeout_s)
        run.thread = threading.Thread(target=self._run, args=(run,), name=f"duologue-tool-{call.name}", daemon=True)
        with self._lock:
            if self._closed:
                return  # the last events of a connection that is being closed are still read
            self._stopped = [one for one in self._stopped if one.is_alive]
            crowded = len(self._running) + len(self._stopped) >= MAX_THREADS
            if not crowded:
                self._running[call.call_id] = run
        if crowded:
            self._failed(call.call_id, f"{MAX_THREADS} functions run already; call it again later.")
        else:
            run.thread.start()

    def stop(self, call_id: str) -> None:
        """Give a function up."""
        with self._lock:
            run = self._running.pop(call_id, None)
            if run is None:
                return
            self._stopped = [one for one in self._stopped if one.is_alive] + [run]
            run.stop()

    @property
    def next_tick_at(self) -> float:
        """When the next function has taken too long; infinity while none runs."""
        with self._lock:
            return min((run.due_at for run in self._running.values()), default=math.inf)

    def tick(self, now: float) -> None:
        """Give up what has taken too long, and report it."""
        with self._lock:
            overdue = [run.call for run in self._running.values() if run.due_at <= now]
        for call in overdue:
            self.stop(call.call_id)
            self._failed(call.call_id, overdue_call(call.name, timeout_s=self._timeout_s))

    def close(self) -> None:
        """Give all of them up, and wait a moment for their ends. Nothing is run any more."""
        with self._lock:
            self._closed = True
            call_ids = list(self._running)
        for call_id in call_ids:
            self.stop(call_id)
        with self._lock:
            stopped, self._stopped = self._stopped, []
        ends_at = time.monotonic() + _STOP_S
        for run in stopped:
            if run.thread is threading.current_thread():
                continue
            run.join(max(0.0, ends_at - time.monotonic()))
            if run.is_alive:
                _logger.warning(
                    "the function %s goes on after the end of its conversation",
                    printable_name(run.call.name),
                )

    def _run(self, run: _Run) -> None:
        call = run.call
        try:
            result = call.bound()
            if inspect.isawaitable(result):
                result = asyncio.run(run.supervise(result))
        except BaseException as fault:
            # What ends a program in its main thread ends one call here; and the model must hear of every end.
            if self._take(run):
                if not isinstance(fault, ToolProblem):
                    _logger.exception("the function %s failed", printable_name(call.name))
                self._failed(call.call_id, failed_call(call.name, fault))
        else:
            if self._take(run):
                self._answered(call.call_id, result)

    def _take(self, run: _Run) -> bool:
        """Whether anybody still wants to know how it ended."""
        with self._lock:
            return self._running.pop(run.call.call_id, None) is run


class _Run:
    """One call under way."""

    def __init__(self, call: ToolCall, *, due_at: float) -> None:
        self.call = call
        self.due_at = due_at
        self.thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._cancel: Callable[[], object] | None = None

    @property
    def is_alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def join(self, timeout_s: float) -> None:
        if self.thread is not None:
            self.thread.join(timeout_s)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._cancel is not None:
                with suppress(RuntimeError):  # its loop is closed: it has ended
                    self._cancel()

    async def supervise(self, work: Awaitable[Any]) -> Any:
        """What an async function returns; `stop` cancels it from another thread."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._stopped:
                task.cancel()
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        return await work
