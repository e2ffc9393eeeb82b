"""Client secrets: keys for one session configuration, made with a real key for browsers, which must not have it."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from msgspec import Struct

from duologue.server.http.auth import digest
from duologue.server.session_start import SessionStart
from duologue.server.shared.store import SharedStore

__all__ = ["PREFIX", "ClientSecret", "ClientSecrets"]

PREFIX: Final = "ek_"
"""The prefix of the hosted service, by which clients distinguish them from real keys."""

_SECRET_BYTES: Final = 24
"""192 bits, which cannot be guessed within the two hours that a secret may live."""


class ClientSecret(Struct, frozen=True):
    """A new secret for the client. Its repr does not show the value."""

    value: str
    expires_at: int
    """In Unix seconds."""

    def __repr__(self) -> str:
        return f"ClientSecret(value='…', expires_at={self.expires_at})"


class _Opening(Struct, frozen=True, array_like=True):
    """What a secret opens, as it is stored."""

    owner: str
    session_start: SessionStart


class ClientSecrets:
    """The secrets that have not expired, in a store. A secret opens any number of sessions."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    async def make(self, session_start: SessionStart, *, owner: str, lives_s: float, unix_now_s: float) -> ClientSecret:
        """A new secret for sessions with this start; `owner` is the key or address that requested it.

        Raises:
            Rejection: there are too many secrets, they take too much memory, or the store cannot be reached.
        """
        secret = ClientSecret(PREFIX + secrets.token_hex(_SECRET_BYTES), int(unix_now_s + lives_s))
        opening = msgspec.msgpack.encode(_Opening(owner, session_start))
        await self._store.put(digest(secret.value), opening, owner=owner, lives_s=lives_s, now=unix_now_s)
        return secret

    async def find(self, value: str, *, unix_now_s: float) -> tuple[str, SessionStart] | None:
        """The owner and the session start of a secret; None if it is unknown or has expired.

        Raises:
            Rejection: the store cannot be reached.
        """
        stored = await self._store.get(digest(value), now=unix_now_s)
        if stored is None:
            return None
        opening = msgspec.msgpack.decode(stored, type=_Opening)
        return opening.owner, opening.session_start

    def drop_expired(self, unix_now_s: float) -> None:
        """Free the memory of the secrets that have expired."""
        self._store.drop_expired(unix_now_s)
