"""What keeps client secrets and rates: of one process, of all workers, or of several machines."""

from __future__ import annotations

from typing import Protocol

__all__ = ["SharedStore"]


class SharedStore(Protocol):
    """Client secrets by their digests, and rates by owner.

    `now` is in Unix seconds, the one clock that several machines have in common; monotonic clocks start at boot. A
    method that raises Rejection has changed nothing. When it is cancelled, it may have been carried out all the same.
    """

    async def put(self, digest: bytes, value: bytes, *, owner: str, lives_s: float, now: float) -> None:
        """Keep this value for `lives_s` seconds. `owner` is charged for its bytes.

        Raises:
            Rejection: there are too many values, they take too much memory, or the store cannot be reached.
        """
        ...

    async def get(self, digest: bytes, *, now: float) -> bytes | None:
        """The value; None if it is unknown or has expired. Raises Rejection: the store cannot be reached."""
        ...

    async def take(self, owner: str, *, per_minute: float, now: float) -> bool:
        """Whether one more session of this owner is allowed now, of so many a minute; if so, it counts.

        Raises:
            Rejection: the store cannot be reached.
        """
        ...

    def drop_expired(self, now: float) -> None:
        """Free what has expired. Stores that do so by themselves do nothing."""
        ...
