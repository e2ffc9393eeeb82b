"""Random ids, in the form of the hosted service; with several workers, those that a client asks for again name the
worker that has what they belong to."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Final

from duologue.chance import random_bytes

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


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{random_bytes(_ID_LENGTH).translate(_ID_TABLE).decode('ascii')}"


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
