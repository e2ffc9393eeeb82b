"""The sessions of all workers, counted for the limits that hold for them together."""

from __future__ import annotations

from collections import Counter

__all__ = ["Places"]


class Places:
    """Open sessions by worker and owner."""

    def __init__(self) -> None:
        self._by_worker: dict[int, Counter[str]] = {}
        self._by_owner: Counter[str] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def of(self, worker: int) -> int:
        """The sessions of this worker."""
        return self._by_worker.get(worker, Counter[str]()).total()

    def enter(self, worker: int, owner: str, *, maximum: int, owner_maximum: int | None) -> str | None:
        """Count one more session. The name of a rejection, if there may be no more: nothing is counted then."""
        if self._total >= maximum:
            return "full"
        if owner_maximum is not None and self._by_owner[owner] >= owner_maximum:
            return "owner_sessions"
        self._by_worker.setdefault(worker, Counter())[owner] += 1
        self._by_owner[owner] += 1
        self._total += 1
        return None

    def leave(self, worker: int, owner: str) -> None:
        """A session has ended."""
        of_worker = self._by_worker.get(worker)
        if of_worker is None or not of_worker[owner]:
            return
        of_worker -= Counter((owner,))
        self._by_worker[worker] = of_worker
        self._by_owner -= Counter((owner,))
        self._total -= 1

    def gone(self, worker: int) -> int:
        """A worker has died: its sessions, which have ended with it."""
        of_worker = self._by_worker.pop(worker, Counter[str]())
        self._by_owner -= of_worker
        self._total -= of_worker.total()
        return of_worker.total()
