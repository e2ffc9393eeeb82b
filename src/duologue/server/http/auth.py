"""Authentication: the keys of the server, and the ways in which clients send a key."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs

from duologue.transports.asgi import Scope

__all__ = ["Keys", "digest", "header", "is_named", "presented_keys", "query", "shows_two_keys"]

_KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."
"""Browsers cannot set headers of a WebSocket; they offer the key as a sub-protocol."""

_KEY_QUERIES: Final = ("api-key", "api_key")
"""Query parameters in which clients of Azure and of most self-hosted servers send the key."""

_UNNAMED: Final = "key "
"""How callers without a name are called; no name begins so."""

_OWNER_DIGITS: Final = 8
"""Of the digest of a key, by which its callers are called: every machine calls them so, in whatever order it has the
keys, and no key of a store or a log is found out by it. Two of a thousand keys are alike once in 8,000 servers."""


class Keys:
    """The keys that the server accepts; without any, no key is required. Stores digests only."""

    def __init__(self, keys: Iterable[str] = (), *, named: Iterable[tuple[str, bytes]] = ()) -> None:
        """`named` are names of callers, and digests of their keys.

        Raises ValueError for a blank key: an empty one from a client would be accepted.
        """
        keys = tuple(keys)
        if not all(key.strip() for key in keys):
            raise ValueError("a key is empty; to serve clients without a key, pass no keys")
        unnamed = ((f"{_UNNAMED}{known.hex()[:_OWNER_DIGITS]}", known) for known in map(digest, keys))
        self._owners = (*named, *unnamed)

    def __len__(self) -> int:
        return len(self._owners)

    def owner_of(self, key: str) -> str | None:
        """The name of the key's caller, or the beginning of the key's digest; None for an unknown key.

        Takes constant time: the digest is compared with those of all keys.
        """
        shown, found = digest(key), None
        for owner, known in self._owners:
            if hmac.compare_digest(shown, known):
                found = owner
        return found


def is_named(owner: str) -> bool:
    """Whether this is a caller with a name, whom the operator has given a key, and not a key of the operator's own."""
    return not owner.startswith(_UNNAMED)


def digest(key: str) -> bytes:
    """The SHA-256 digest that is stored for a key."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def presented_keys(scope: Scope) -> list[str]:
    """All keys in a request, in any of the ways that clients have."""
    offered = (name for name in scope.get("subprotocols") or () if name.startswith(_KEY_SUBPROTOCOL))
    keys = [name.removeprefix(_KEY_SUBPROTOCOL) for name in offered]
    scheme, _, bearer = (header(scope, "authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        keys.append(bearer.strip())
    if (key := header(scope, "api-key")) is not None:
        keys.append(key)
    parameters = query(scope)
    return keys + [key for name in _KEY_QUERIES for key in parameters.get(name, ())]


def shows_two_keys(scope: Scope) -> bool:
    """Whether the request has two keys in one place: a proxy in front may have checked the other one."""
    names = [name.lower() for name, _ in scope["headers"]]
    parameters = query(scope)
    offered = {name for name in scope.get("subprotocols") or () if name.startswith(_KEY_SUBPROTOCOL)}
    return (
        any(names.count(name) > 1 for name in (b"authorization", b"api-key"))
        or any(len(set(parameters.get(name, ()))) > 1 for name in _KEY_QUERIES)
        or len(offered) > 1
    )


def header(scope: Scope, name: str) -> str | None:
    """The value of a header of the request; the last one if there are several."""
    wanted, found = name.encode("latin-1"), None
    for each, value in scope["headers"]:
        if each.lower() == wanted:
            found = value.decode("latin-1")
    return found


def query(scope: Scope) -> dict[str, list[str]]:
    """The request's query, with empty values."""
    return parse_qs(scope.get("query_string", b"").decode("ascii", "replace"), keep_blank_values=True)
