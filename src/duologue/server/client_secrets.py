"""Keys for one kind of session: made by whoever has a real key, given to a browser that must not."""

from __future__ import annotations

import secrets
from typing import Final

from msgspec import Struct

from duologue.server.auth import digest
from duologue.server.opening import Opening

__all__ = ["PREFIX", "ClientSecret", "ClientSecrets"]

PREFIX: Final = "ek_"
"""As the hosted service marks them; clients tell them from real keys by it."""

_SECRET_BYTES: Final = 24
"""192 bits: not to be guessed within the two hours that one may live."""


class ClientSecret(Struct, frozen=True):
    """A secret as it is given away. Its repr does not show it."""

    value: str
    expires_at: int
    """In Unix seconds."""

    def __repr__(self) -> str:
        return f"ClientSecret(value='…', expires_at={self.expires_at})"


class _Kept(Struct, frozen=True):
    expires_at: float
    owner: str
    opening: Opening


class ClientSecrets:
    """The secrets that are out, by their digests. They live in this process, and open any number of sessions in it."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._kept: dict[bytes, _Kept] = {}

    def make(self, opening: Opening, *, owner: str, lives_s: float, unix_now_s: float) -> ClientSecret | None:
        """A new secret for sessions that begin like this; None if too many are out. `owner` is the key that asked."""
        if len(self._kept) >= self._most:
            self._kept = {key: kept for key, kept in self._kept.items() if kept.expires_at > unix_now_s}
        if len(self._kept) >= self._most:
            return None
        secret = ClientSecret(PREFIX + secrets.token_hex(_SECRET_BYTES), int(unix_now_s + lives_s))
        self._kept[digest(secret.value)] = _Kept(unix_now_s + lives_s, owner, opening)
        return secret

    def find(self, value: str, *, unix_now_s: float) -> tuple[str, Opening] | None:
        """The owner and the opening of a secret that has not expired."""
        kept = self._kept.get(digest(value))
        return (kept.owner, kept.opening) if kept is not None and kept.expires_at > unix_now_s else None
