"""Live sessions that have ended and were stored, for forks. They are kept in memory, until the server ends."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

from duologue.protocol.server.account import held_bytes
from duologue.server.budget import Budget, Share

__all__ = ["StoredSessions"]

T = TypeVar("T", bound=Struct)


class StoredSessions(Generic[T]):
    """At most `max_sessions`, the newest ones, each counted in its owner's memory."""

    def __init__(self, *, max_sessions: int, budget: Budget) -> None:
        self._max_sessions = max_sessions
        self._budget = budget
        self._stored: dict[str, tuple[str, T, Share]] = {}
        """By the session's id: its owner, what is stored, and its memory."""

    def __len__(self) -> int:
        return len(self._stored)

    def keep(self, session_id: str, stored: T, *, owner: str) -> bool:
        """Keep a session. False if its owner, or the server, has no memory for it."""
        self.drop(session_id)
        while len(self._stored) >= self._max_sessions:
            self.drop(next(iter(self._stored)))
        share = self._budget.share(owner)
        if share.charge("items", held_bytes(stored)) is not None:
            return False
        self._stored[session_id] = owner, stored, share
        return True

    def find(self, session_id: str, *, owner: str) -> T | None:
        """The stored session, if it is this owner's."""
        found = self._stored.get(session_id)
        return found[1] if found is not None and found[0] == owner else None

    def drop(self, session_id: str) -> None:
        """Forget a session, if it is stored."""
        found = self._stored.pop(session_id, None)
        if found is not None:
            found[2].close()
