"""Runs the functions that the model calls: off the path that reads events, each with its own time limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from duologue.protocol.tool_calls import ToolCall

__all__ = ["RunningTools"]

_logger = logging.getLogger(__name__)

_STOP_S: Final = 1.0
"""How long cancelled functions may take to clean up."""

Report = Callable[[str, object], None]


class RunningTools:
    """Functions under way, by call id.

    Async functions run as tasks and are cancelled when they are stopped. Sync ones run in threads, which nothing can
    stop: they are let run, and what they return is dropped.
    """

    def __init__(self, *, timeout_s: float, answered: Report, failed: Callable[[str, str], None]) -> None:
        self._timeout_s = timeout_s
        self._answered = answered
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, call: ToolCall) -> None:
        """Run a function; its result or failure is reported, unless it is stopped."""
        task = asyncio.ensure_future(self._run(call))  # noqa: TID251 - kept in the table, and awaited by `close`
        self._tasks[call.call_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(call.call_id, None))

    def stop(self, call_id: str) -> None:
        """Give a function up."""
        if (task := self._tasks.get(call_id)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Give all of them up, and wait a moment for their ends."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_S)

    async def _run(self, call: ToolCall) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                if call.bound.tool.is_async:
                    result = await call.bound()
                else:
                    result = await asyncio.to_thread(call.bound)
        except TimeoutError:
            self._failed(call.call_id, f"{call.name} took longer than {self._timeout_s:g} s and was given up.")
        except Exception as fault:
            # The model is told that it failed and not how: messages of exceptions may hold what is not its business.
            _logger.exception("the function %s failed", call.name)
            self._failed(call.call_id, f"{call.name} failed with {type(fault).__name__}.")
        else:
            self._answered(call.call_id, result)
