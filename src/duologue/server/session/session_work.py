"""The work of one session that has tasks of its own: transcriptions, responses, and what is done ahead of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

__all__ = ["SessionWork"]


class SessionWork:
    """Holds the tasks until they are done; the session's task group has them too."""

    def __init__(self, when_done: Callable[[], None]) -> None:
        """`when_done` is called whenever a task that `start` has begun is over."""
        self._when_done = when_done
        self._tasks: asyncio.TaskGroup | None = None
        self._work: set[asyncio.Task[Any]] = set()
        self._ahead: set[asyncio.Task[Any]] = set()

    @property
    def is_under_way(self) -> bool:
        """Whether any work is, apart from what is optional."""
        return bool(self._work)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        """All tasks."""
        return iter((*self._work, *self._ahead))

    def use(self, tasks: asyncio.TaskGroup) -> None:
        """Begin tasks in this group."""
        self._tasks = tasks

    def start(self, work_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin work."""
        task = self._new(work_id, work)
        self._work.add(task)
        # Not in the task itself: a task that is cancelled before its start runs no code.
        task.add_done_callback(self._done)

    def start_ahead(self, work_id: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin optional work, for which a session that is drained does not wait."""
        task = self._new(work_id, work)
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)
        return task

    def cancel(self, work_id: str) -> None:
        """Cancel the work that was started under this id, if it is under way."""
        for task in self._work:
            if task.get_name() == work_id:
                task.cancel()

    def close(self) -> None:
        """The session is over, and all tasks are: forget it, which refers to this."""
        self._when_done = _nothing
        self._tasks = None

    def _new(self, work_id: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        assert self._tasks is not None, "work begins when the session is served"
        return self._tasks.create_task(work, name=work_id)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        self._when_done()


def _nothing() -> None:
    """Nothing waits for this work."""
