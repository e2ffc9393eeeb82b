"""A fair queue limits how many calls run in an engine: by priority first, then by turns between sessions."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Final, TypeAlias

from duologue.errors import EngineError

__all__ = ["FairQueue", "Priority"]

_MAX_WAITING: Final = 256
"""An utterance costs about 0.1 s of a core. More than this would have the last one wait for many seconds, and a reply
that late is worse than an error at once."""

_Waiting: TypeAlias = dict[str, deque[asyncio.Future[None]]]


class Priority(IntEnum):
    """Of a transcription, the most urgent first."""

    FINAL = 0
    """The turn is over, and the user waits for the answer."""
    AHEAD = 1
    """The turn may be over: transcribed ahead of its end."""
    PARTIAL = 2
    """A partial transcript; the next one replaces it."""


class FairQueue:
    """Lets a fixed number of calls run at once. Others wait by priority; within one priority the owners take turns.

    Belongs to one event loop. Look up what to work on inside the block: after a long wait there may be newer audio.
    """

    def __init__(self, places: int | None = None, *, max_waiting: int = _MAX_WAITING) -> None:
        """`places`: as many as there are cores when None, for more would only take turns on them."""
        self._places = places or os.cpu_count() or 1
        self._taken = 0
        self._max_waiting = max_waiting
        self._waiting: dict[Priority, _Waiting] = {priority: {} for priority in Priority}

    @asynccontextmanager
    async def place(self, owner: str, priority: Priority) -> AsyncGenerator[None, None]:
        """A place for the length of the block; waits for it. Cancelled: the place goes to the next.

        Raises:
            EngineError: too many wait already, or half of them are this owner's: one alone cannot shut out the others.
        """
        await self._enter(owner, priority)
        try:
            yield
        finally:
            self._taken -= 1
            self._admit()

    async def _enter(self, owner: str, priority: Priority) -> None:
        if self._next() is None and self._has_place(priority):
            self._taken += 1
            return
        n_waiting = self._n_waiting()
        if n_waiting >= self._max_waiting or self._n_waiting(owner) * 2 >= self._max_waiting:
            raise EngineError(f"overloaded: {n_waiting} utterances wait", engine="transcriber")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].setdefault(owner, deque()).append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._give_up(owner, priority, place)
            else:
                self._taken -= 1  # its place was given in the same moment: free it again
            self._admit()
            raise

    def _give_up(self, owner: str, priority: Priority, place: asyncio.Future[None]) -> None:
        queue = self._waiting[priority].get(owner, deque())
        if place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[priority][owner]

    def _n_waiting(self, owner: str | None = None) -> int:
        return sum(
            len(queue) for waiting in self._waiting.values() for who, queue in waiting.items() if owner in (None, who)
        )

    def _has_place(self, priority: Priority) -> bool:
        """Partial transcripts leave the last of several places free for calls that a user waits for."""
        kept = 1 if priority is Priority.PARTIAL and self._places > 1 else 0
        return self._taken < self._places - kept

    def _next(self) -> Priority | None:
        """The priority of the next call that may run; None if there is none, or no place for it."""
        return next((priority for priority in Priority if self._waiting[priority] and self._has_place(priority)), None)

    def _admit(self) -> None:
        while (priority := self._next()) is not None:
            waiting = self._waiting[priority]
            owner = next(iter(waiting))
            queue = waiting.pop(owner)
            place = queue.popleft()
            if queue:
                waiting[owner] = queue  # behind all others
            if not place.cancelled():  # else it was cancelled, and its task has not run since
                self._taken += 1
                place.set_result(None)
