"""Live sessions that have ended and were stored, for forks. They are kept in memory, until the server ends."""

from __future__ import annotations

from collections import Counter
from typing import Final, Generic, TypeVar

from msgspec import Struct

from duologue.protocol.server.account import held_bytes
from duologue.server.budget import Budget, Share
from duologue.server.limits import Limits

__all__ = ["StoredSessions"]

T = TypeVar("T", bound=Struct)

_LIMITS: Final = Limits()


class _Kept(Struct, Generic[T], frozen=True):
    owner: str
    session: T
    share: Share
    n_bytes: int


class StoredSessions(Generic[T]):
    """The newest ones, each counted in its owner's memory.

    Where there is no room, the oldest of the owner that has most are dropped, so that nobody's sessions go because
    another owner stores many.
    """

    def __init__(
        self,
        *,
        max_sessions: int,
        budget: Budget,
        max_bytes: int = _LIMITS.max_stored_live_bytes,
        max_owner_bytes: int = _LIMITS.max_owner_stored_live_bytes,
    ) -> None:
        """`max_bytes` of memory are for all of them, `max_owner_bytes` for those of one key or address; both count in
        the server's `budget` too."""
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._max_owner_bytes = max_owner_bytes
        self._budget = budget
        self._bytes: Counter[str] = Counter()
        """By owner."""
        self._numbers: Counter[str] = Counter()
        self._stored: dict[str, _Kept[T]] = {}
        """By the session's id, the oldest first."""

    def __len__(self) -> int:
        return len(self._stored)

    def keep(self, session_id: str, stored: T, *, owner: str) -> bool:
        """Keep a session. False if its owner, or the server, has no memory for it."""
        self.drop(session_id)
        n_bytes = held_bytes(stored)
        if n_bytes > min(self._max_owner_bytes, self._max_bytes):
            return False
        while self._bytes[owner] + n_bytes > self._max_owner_bytes:
            self._drop_oldest_of(owner)
        while len(self._stored) >= self._max_sessions:
            self._drop_oldest_of(max(self._numbers, key=self._numbers.__getitem__))
        while self._bytes.total() + n_bytes > self._max_bytes:
            self._drop_oldest_of(max(self._bytes, key=self._bytes.__getitem__))
        share = self._budget.share(owner)
        if share.charge("items", n_bytes) is not None:
            return False
        self._stored[session_id] = _Kept(owner, stored, share, n_bytes)
        self._numbers[owner] += 1
        self._bytes[owner] += n_bytes
        return True

    def find(self, session_id: str, *, owner: str) -> T | None:
        """The stored session, if it is this owner's."""
        found = self._stored.get(session_id)
        return found.session if found is not None and found.owner == owner else None

    def drop(self, session_id: str) -> None:
        """Forget a session, if it is stored."""
        found = self._stored.pop(session_id, None)
        if found is not None:
            found.share.close()
            self._numbers -= Counter({found.owner: 1})  # which forgets an owner that has none
            self._bytes -= Counter({found.owner: found.n_bytes})

    def _drop_oldest_of(self, owner: str) -> None:
        self.drop(next(session_id for session_id, kept in self._stored.items() if kept.owner == owner))
