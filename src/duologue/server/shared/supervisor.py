"""The parent of several workers, as one of them sees it."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["Supervisor"]


class Supervisor(Protocol):
    """What is one for all workers: their sessions, their figures, their end."""

    number: int
    """Of this worker; no other one has or had it."""
    replaced: bool
    """Whether this worker ends because another one serves in its place."""

    async def enter(self, owner: str, *, maximum: int, owner_maximum: int | None) -> None:
        """Count one more session; it counts until `leave`, or until this worker has died.

        Raises:
            Rejection: all workers together have `maximum` sessions, or `owner_maximum` of this owner.
        """
        ...

    def leave(self, owner: str) -> None:
        """A session that entered has ended."""
        ...

    async def figures(self) -> tuple[bytes, str]:
        """The page of `/metrics` for all workers, and its content type."""
        ...

    def request_drain(self, manner: Literal["now", "turn", "end"]) -> None:
        """Drain and end all workers."""
        ...
