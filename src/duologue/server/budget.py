"""The memory of all sessions: what they hold together, by whose key or address, and by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from duologue.protocol.server.account import KINDS, Kind

__all__ = ["Budget", "Share"]


class Budget:
    """Counts what sessions and client secrets hold. What would be too much, of one owner or in total, is not taken."""

    def __init__(self, *, max_bytes: int, max_owner_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._max_owner_bytes = max_owner_bytes
        self.total_bytes = 0
        self.owners: Counter[str] = Counter()
        """Bytes by owner; who holds none is not in it."""
        self.held: Counter[Kind] = Counter(dict.fromkeys(KINDS, 0))
        self.refused: Counter[str] = Counter({"owner_full": 0, "server_full": 0})
        """How often something was not taken, by reason."""

    def share(self, owner: str) -> Share:
        """An owner's share for one session, or for one client secret; to be closed."""
        return Share(self, owner)

    def charge(self, owner: str, kind: Kind, n_bytes: int, forced: bool) -> str | None:
        """Count a change; returns why not, if it is not taken. What is `forced` is counted in any case."""
        if n_bytes > 0 and not forced:
            full = self._full(owner, n_bytes)
            if full is not None:
                self.refused[full] += 1
                return full
        self.total_bytes += n_bytes
        self.held[kind] += n_bytes
        self.owners[owner] += n_bytes
        if not self.owners[owner]:
            del self.owners[owner]
        return None

    def _full(self, owner: str, n_bytes: int) -> str | None:
        if self.total_bytes + n_bytes > self._max_bytes:
            return "server_full"
        return "owner_full" if self.owners[owner] + n_bytes > self._max_owner_bytes else None


class Share:
    """What one session, or one client secret, holds of its owner's share."""

    def __init__(self, budget: Budget, owner: str) -> None:
        self._budget = budget
        self._owner = owner
        self._held: Counter[Kind] = Counter()
        self._closed = False

    @property
    def held(self) -> Mapping[Kind, int]:
        """Bytes by kind."""
        return self._held

    def charge(self, kind: Kind, n_bytes: int, forced: bool = False) -> str | None:
        """Count a change; returns why not, if it is not taken (`duologue.protocol.server.account.Charge`)."""
        if self._closed:
            return None
        refused = self._budget.charge(self._owner, kind, n_bytes, forced)
        if refused is None:
            self._held[kind] += n_bytes
        return refused

    def close(self) -> None:
        """Give everything back. What is charged afterwards is not counted: it is on its way out of memory."""
        for kind, n_bytes in self._held.items():
            self._budget.charge(self._owner, kind, -n_bytes, True)
        self._held.clear()
        self._closed = True
