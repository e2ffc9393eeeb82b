"""The memory of all sessions: in total, by owner and by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from duologue.protocol.server.account import KINDS, Kind

__all__ = ["Budget", "Share"]


class Budget:
    """Counts the memory of sessions and client secrets, and rejects what exceeds an owner's limit or the total."""

    def __init__(self, *, max_bytes: int, max_owner_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._max_owner_bytes = max_owner_bytes
        self.total_bytes: int = 0
        self.owners: Counter[str] = Counter()
        """Bytes by owner; owners with none are not in it."""
        self.held: Counter[Kind] = Counter(dict.fromkeys(KINDS, 0))
        self.rejected: Counter[str] = Counter({"owner_full": 0, "server_full": 0})
        """The number of rejected charges, by reason."""

    def share(self, owner: str) -> Share:
        """A share for one session or client secret of an owner. The caller closes it."""
        return Share(self, owner)

    def charge(self, owner: str, kind: Kind, n_bytes: int, forced: bool) -> str | None:
        """Count a change; returns the name of the rejection if it exceeds a limit. `forced` counts in any case."""
        if n_bytes > 0 and not forced:
            full = self._full(owner, n_bytes)
            if full is not None:
                self.rejected[full] += 1
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
    """The memory of one session or client secret."""

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
        """Count a change, as `Budget.charge` (`duologue.protocol.server.account.Charge`)."""
        if self._closed:
            return None
        rejection = self._budget.charge(self._owner, kind, n_bytes, forced)
        if rejection is None:
            self._held[kind] += n_bytes
        return rejection

    def close(self) -> None:
        """Give all memory back. Later charges are not counted: what they are for is about to be freed."""
        for kind, n_bytes in self._held.items():
            self._budget.charge(self._owner, kind, -n_bytes, True)
        self._held.clear()
        self._closed = True
