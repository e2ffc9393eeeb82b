"""A store in the memory of this process."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Final

from msgspec import Struct

from duologue.server.budget import Budget, Share
from duologue.server.limits import Limits
from duologue.server.rate_limit import Rates
from duologue.server.rejections import Rejection

__all__ = ["MemoryStore"]

_LIMITS: Final = Limits()

_ENTRY_BYTES: Final = 512
"""What the tables have for a value, besides its bytes."""


class _Kept(Struct, frozen=True):
    value: bytes
    owner: str
    cost_bytes: int
    share: Share


class MemoryStore:
    """Values and rates of one process. Its methods never wait, so what calls them is not interrupted.

    Expired values are dropped by each `put` and `get`, and by `drop_expired`.
    """

    def __init__(
        self,
        *,
        max_values: int = _LIMITS.client_secrets,
        max_bytes: int = _LIMITS.max_client_secret_bytes,
        max_owner_bytes: int = _LIMITS.max_owner_client_secret_bytes,
        budget: Budget | None = None,
    ) -> None:
        """`max_bytes` of memory are for all values, `max_owner_bytes` for those of one owner; both count in the
        server's `budget` too."""
        self._max_values = max_values
        self._max_bytes = max_bytes
        self._max_owner_bytes = max_owner_bytes
        self._budget = budget or Budget(max_bytes=max_bytes, max_owner_bytes=max_bytes)
        self._kept: dict[bytes, _Kept] = {}
        self._expiring: list[tuple[float, bytes]] = []
        self._total_bytes = 0
        self._owners: Counter[str] = Counter()
        self._rates = Rates(per_minute=None)

    def __len__(self) -> int:
        return len(self._kept)

    def limit(self, limits: Limits) -> None:
        """Have these limits from now on; what is kept stays."""
        self._max_values = limits.client_secrets
        self._max_bytes = limits.max_client_secret_bytes
        self._max_owner_bytes = limits.max_owner_client_secret_bytes

    async def put(self, digest: bytes, value: bytes, *, owner: str, lives_s: float, now: float) -> None:
        """See `SharedStore`."""
        self.drop_expired(now)
        cost_bytes = len(value) + _ENTRY_BYTES
        if len(self._kept) >= self._max_values or self._total_bytes + cost_bytes > self._max_bytes:
            raise Rejection("full_of_secrets")
        if self._owners[owner] + cost_bytes > self._max_owner_bytes:
            raise Rejection("secrets", max_bytes=self._max_owner_bytes)
        share = self._budget.share(owner)
        rejection = share.charge("client_secrets", cost_bytes)
        if rejection is not None:
            raise Rejection(rejection)
        self._kept[digest] = _Kept(value, owner, cost_bytes, share)
        heapq.heappush(self._expiring, (now + lives_s, digest))
        self._total_bytes += cost_bytes
        self._owners[owner] += cost_bytes

    async def get(self, digest: bytes, *, now: float) -> bytes | None:
        """See `SharedStore`."""
        self.drop_expired(now)
        kept = self._kept.get(digest)
        return kept.value if kept is not None else None

    async def take(self, owner: str, *, per_minute: float, now: float) -> bool:
        """See `SharedStore`."""
        return self._rates.take(owner, now, per_minute=per_minute)

    def drop_expired(self, now: float) -> None:
        """See `SharedStore`."""
        while self._expiring and self._expiring[0][0] <= now:
            kept = self._kept.pop(heapq.heappop(self._expiring)[1])
            kept.share.close()
            self._total_bytes -= kept.cost_bytes
            self._owners[kept.owner] -= kept.cost_bytes
            if not self._owners[kept.owner]:
                del self._owners[kept.owner]
