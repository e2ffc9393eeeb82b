"""Which worker gets the next socket."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Placement"]


class _Held(Struct):
    held: int = 0
    received: int = 0
    handed: int = 0

    @property
    def load(self) -> int:
        """What it holds, and the sockets on their way."""
        return self.held + max(0, self.handed - self.received)


class Placement:
    """Counts what each worker holds. A worker reports now and then: what it was handed since counts too, so that a
    burst of connections is spread before the first of them is a session."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._quiet: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self._held.keys() - self._quiet)

    def add(self, worker: int) -> None:
        """A worker takes sockets from now on."""
        self._held[worker] = _Held()

    def remove(self, worker: int) -> None:
        """A worker takes no more sockets."""
        self._held.pop(worker, None)

    def pass_over(self, quiet: frozenset[int]) -> None:
        """These workers take no sockets for now; others that were passed over do again."""
        self._quiet = quiet

    def report(self, worker: int, *, held: int, received: int) -> None:
        """What a worker says that it holds, and how many of the sockets that it was handed this includes, with those
        that have ended."""
        known = self._held.get(worker)
        if known is not None:
            known.held, known.received = held, received

    def emptiest_first(self) -> list[int]:
        """The workers that take sockets, that with the least load first; among equals, that which was handed least."""
        return sorted(
            self._held.keys() - self._quiet, key=lambda each: (self._held[each].load, self._held[each].handed, each)
        )

    def handed(self, worker: int) -> None:
        """A socket is on its way to this worker."""
        self._held[worker].handed += 1
