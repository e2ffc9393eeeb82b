"""Which level is tried next: the number of calls is doubled while it is held, and then halved in."""

from __future__ import annotations

from typing import Final

__all__ = ["LevelSearch"]

_CLOSE_ENOUGH: Final = 0.05
"""Of the number that was held: the next run of the same server differs by more."""


class LevelSearch:
    """Searches the most calls that are held.

    `next_calls` is None when it is known: `held` calls, and not `refused`.
    """

    def __init__(self, first: int, *, most: int) -> None:
        """`most` is where the search ends if all is held."""
        self.held: int = 0
        self.refused: int | None = None
        self._most = most
        self.next_calls: int | None = min(first, most)

    def told(self, calls: int, *, holds: bool) -> None:
        """A level was held, or not."""
        if holds:
            self.held = max(self.held, calls)
        else:
            self.refused = calls if self.refused is None else min(self.refused, calls)
        if self.refused is None:
            self.next_calls = min(2 * self.held, self._most) if self.held < self._most else None
        elif self.refused - self.held <= max(1, round(self.held * _CLOSE_ENOUGH)):
            self.next_calls = None
        else:
            self.next_calls = (self.held + self.refused) // 2
