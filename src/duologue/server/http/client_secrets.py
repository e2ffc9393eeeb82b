"""Client secrets: keys for one session configuration, made with a real key for browsers, which must not have it."""

from __future__ import annotations

import heapq
import secrets
from collections import Counter
from typing import Final

from msgspec import Struct

from duologue.protocol.server.account import held_bytes
from duologue.server.budget import Budget, Share
from duologue.server.http.auth import digest
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.session_start import SessionStart

__all__ = ["PREFIX", "ClientSecret", "ClientSecrets"]

PREFIX: Final = "ek_"
"""The prefix of the hosted service, by which clients distinguish them from real keys."""

_LIMITS: Final = Limits()

_SECRET_BYTES: Final = 24
"""192 bits, which cannot be guessed within the two hours that a secret may live."""


class ClientSecret(Struct, frozen=True):
    """A new secret for the client. Its repr does not show the value."""

    value: str
    expires_at: int
    """In Unix seconds."""

    def __repr__(self) -> str:
        return f"ClientSecret(value='…', expires_at={self.expires_at})"


class _Kept(Struct, frozen=True):
    expires_at: float
    owner: str
    session_start: SessionStart
    cost_bytes: int
    share: Share


class ClientSecrets:
    """The secrets that have not expired, by their digests, in memory. A secret opens any number of sessions.

    Expired secrets are dropped by each `make` and `find`, and by `drop_expired`.
    """

    def __init__(
        self,
        *,
        max_secrets: int,
        max_bytes: int = _LIMITS.max_client_secret_bytes,
        max_owner_bytes: int = _LIMITS.max_owner_client_secret_bytes,
        budget: Budget | None = None,
    ) -> None:
        """`max_bytes` of memory are for all secrets, `max_owner_bytes` for those of one key or address; both count in
        the server's `budget` too."""
        self._max_secrets = max_secrets
        self._max_bytes = max_bytes
        self._max_owner_bytes = max_owner_bytes
        self._budget = budget or Budget(max_bytes=max_bytes, max_owner_bytes=max_bytes)
        self._kept: dict[bytes, _Kept] = {}
        self._expiring: list[tuple[float, bytes]] = []
        self._total_bytes = 0
        self._owners: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._kept)

    def make(self, session_start: SessionStart, *, owner: str, lives_s: float, unix_now_s: float) -> ClientSecret:
        """A new secret for sessions with this start; `owner` is the key or address that requested it.

        Raises:
            Rejection: there are too many secrets, or they take too much memory.
        """
        self.drop_expired(unix_now_s)
        cost_bytes = held_bytes(session_start)
        if len(self._kept) >= self._max_secrets or self._total_bytes + cost_bytes > self._max_bytes:
            raise Rejection("full_of_secrets")
        if self._owners[owner] + cost_bytes > self._max_owner_bytes:
            raise Rejection("secrets", max_bytes=self._max_owner_bytes)
        share = self._budget.share(owner)
        rejection = share.charge("client_secrets", cost_bytes)
        if rejection is not None:
            raise Rejection(rejection)
        secret = ClientSecret(PREFIX + secrets.token_hex(_SECRET_BYTES), int(unix_now_s + lives_s))
        key = digest(secret.value)
        self._kept[key] = _Kept(unix_now_s + lives_s, owner, session_start, cost_bytes, share)
        heapq.heappush(self._expiring, (unix_now_s + lives_s, key))
        self._total_bytes += cost_bytes
        self._owners[owner] += cost_bytes
        return secret

    def find(self, value: str, *, unix_now_s: float) -> tuple[str, SessionStart] | None:
        """The owner and the session start of a secret; None if it is unknown or has expired."""
        self.drop_expired(unix_now_s)
        kept = self._kept.get(digest(value))
        return (kept.owner, kept.session_start) if kept is not None else None

    def drop_expired(self, unix_now_s: float) -> None:
        """Drop the secrets that have expired."""
        while self._expiring and self._expiring[0][0] <= unix_now_s:
            kept = self._kept.pop(heapq.heappop(self._expiring)[1])
            kept.share.close()
            self._total_bytes -= kept.cost_bytes
            self._owners[kept.owner] -= kept.cost_bytes
            if not self._owners[kept.owner]:
                del self._owners[kept.owner]
