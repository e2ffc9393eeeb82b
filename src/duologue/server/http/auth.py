"""Authentication: the keys of the server, and the ways in which clients send theirs."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs

from duologue.transports.asgi import Scope

__all__ = ["Keys", "digest", "header", "presented_keys", "query", "shows_two_keys"]

_KEY_SUBPROTOCOL: Final = "openai-insecure-api-key."
"""Browsers cannot send headers; they offer the key as a sub-protocol."""

_KEY_QUERIES: Final = ("api-key", "api_key")
"""Where clients of Azure and of most self-hosted servers put it."""


class Keys:
    """The keys that the server accepts; without any, no key is required. Only digests are kept."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """Raises ValueError for a key without a visible character: an empty one from a client would be accepted."""
        keys = tuple(keys)
        if not all(key.strip() for key in keys):
            raise ValueError("a key is empty; to serve clients without a key, pass no keys")
        self._digests = tuple(digest(key) for key in keys)

    def __len__(self) -> int:
        return len(self._digests)

    def number_of(self, key: str) -> int | None:
        """Which of the keys this is, from 1; None for none of them.

        Takes the same time whatever is wrong with the key: it is compared by its digest, with all of them.
        """
        shown, found = digest(key), None
        for number, known in enumerate(self._digests, 1):
            if hmac.compare_digest(shown, known):
                found = number
        return found


def digest(key: str) -> bytes:
    """What is kept of a key."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def presented_keys(scope: Scope) -> list[str]:
    """Every key that a request shows, in any of the ways that clients have."""
    return list(_presented(scope))


def shows_two_keys(scope: Scope) -> bool:
    """Whether the request sends two keys in the same way: a proxy may have checked the other one."""
    names = [name.lower() for name, _ in scope["headers"]]
    asked = query(scope)
    offered = {name for name in scope.get("subprotocols") or () if name.startswith(_KEY_SUBPROTOCOL)}
    return (
        any(names.count(name) > 1 for name in (b"authorization", b"api-key"))
        or any(len(set(asked.get(name, ()))) > 1 for name in _KEY_QUERIES)
        or len(offered) > 1
    )


def _presented(scope: Scope) -> Iterator[str]:
    for name in scope.get("subprotocols") or ():
        if name.startswith(_KEY_SUBPROTOCOL):
            yield name.removeprefix(_KEY_SUBPROTOCOL)
    scheme, _, bearer = (header(scope, "authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        yield bearer.strip()
    if (key := header(scope, "api-key")) is not None:
        yield key
    asked = query(scope)
    for name in _KEY_QUERIES:
        yield from asked.get(name, ())


def header(scope: Scope, name: str) -> str | None:
    """A header of the request, the last one if it comes more than once."""
    wanted, found = name.encode("latin-1"), None
    for each, value in scope["headers"]:
        if each.lower() == wanted:
            found = value.decode("latin-1")
    return found


def query(scope: Scope) -> dict[str, list[str]]:
    """The request's query; empty values count."""
    return parse_qs(scope.get("query_string", b"").decode("ascii", "replace"), keep_blank_values=True)
