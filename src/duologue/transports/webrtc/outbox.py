"""What waits to be sent on one line of a call: bounded, so that a slow reader costs a bounded amount of memory."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Outbox"]


class Outbox:
    """Any task puts messages; one task gets them."""

    def __init__(self, max_waiting_bytes: int) -> None:
        """`max_waiting_bytes` counts characters, which are bytes but for a few."""
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: deque[str] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._finished = False

    @property
    def is_full(self) -> bool:
        """Whether `room` would wait."""
        return not self._has_room.is_set()

    def put(self, message: str) -> None:
        """Add a message, also where there is no room: who can wait calls `room` first. Dropped behind the end."""
        if self._finished:
            return
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        if self._waiting_bytes > self._max_waiting_bytes:
            self._has_room.clear()
        self._filled.set()

    async def get(self) -> str | None:
        """The next message; None behind the last one. Cancelling loses nothing."""
        while not self._waiting:
            if self._finished:
                return None
            self._filled.clear()
            await self._filled.wait()
        message = self._waiting.popleft()
        self._waiting_bytes -= len(message)
        if self._waiting_bytes <= self._max_waiting_bytes:
            self._has_room.set()
        return message

    async def room(self) -> None:
        """Wait until no more than `max_waiting_bytes` wait, or nothing is sent any more."""
        await self._has_room.wait()

    def finish(self) -> None:
        """Nothing comes behind what waits."""
        self._finished = True
        self._filled.set()

    def close(self) -> None:
        """Drop what waits, and end all waits."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._has_room.set()
        self.finish()
