"""Random ids, in the form of the hosted service; with several workers, those that a client asks for again name the
worker that has what they belong to."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable
from typing import Final

from duologue.chance import has_own_bytes, random_bytes

__all__ = ["ids_of_worker", "kind_in_worker", "new_id", "worker_of"]

_ID_CHARACTERS: Final = (string.ascii_letters + string.digits).encode()
_ID_LENGTH: Final = 21
"""As at the hosted service. 124 bits, so that ids never collide."""

_ID_TABLE: Final = bytes(_ID_CHARACTERS[byte % len(_ID_CHARACTERS)] for byte in range(256))
"""Maps a random byte to a character. Eight characters are a quarter more frequent, which costs 1 of 125 bits; a uniform
choice of each took longer than the rest of an event."""

_ASKED_FOR: Final = frozenset({"live"})
"""Kinds of things that another connection may ask for by their ids, besides calls."""

_IN_WORKER: Final = re.compile(r"[a-z]{1,16}_w([0-9]{1,9})_")


_AT_ONCE: Final = 64
"""So many are made at once: the system call for random bytes is most of what one costs."""

_ready: Final[list[str]] = []
"""Random parts that no id has yet."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)  # else both processes would use the same


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    if has_own_bytes():
        return f"{kind}_{_characters(1)}"
    try:
        return f"{kind}_{_ready.pop()}"  # one step, so that no two threads get the same
    except IndexError:
        found = _characters(_AT_ONCE)
        _ready.extend(found[at : at + _ID_LENGTH] for at in range(_ID_LENGTH, len(found), _ID_LENGTH))
        return f"{kind}_{found[:_ID_LENGTH]}"


def _characters(n_ids: int) -> str:
    return random_bytes(n_ids * _ID_LENGTH).translate(_ID_TABLE).decode("ascii")


def kind_in_worker(kind: str, number: int) -> str:
    """The kind for ids of things that are in this worker."""
    return f"{kind}_w{number}"


def ids_of_worker(new_id: Callable[[str], str], number: int) -> Callable[[str], str]:
    """Makes the same ids, and such as name the worker where other connections may ask for them."""
    return lambda kind: new_id(kind_in_worker(kind, number) if kind in _ASKED_FOR else kind)


def worker_of(thing_id: str) -> int | None:
    """The number of the worker that has the thing of this id, as the id says; None: it says none."""
    found = _IN_WORKER.match(thing_id)
    return int(found[1]) if found is not None else None
