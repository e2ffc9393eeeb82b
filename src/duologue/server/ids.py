"""Random ids, in the form of the hosted service."""

from __future__ import annotations

import string
from typing import Final

from duologue.chance import random_bytes

__all__ = ["new_id"]

_ID_CHARACTERS: Final = (string.ascii_letters + string.digits).encode()
_ID_LENGTH: Final = 21
"""As at the hosted service. 124 bits, so that ids never collide."""

_ID_TABLE: Final = bytes(_ID_CHARACTERS[byte % len(_ID_CHARACTERS)] for byte in range(256))
"""Maps a random byte to a character. Eight characters are a quarter more frequent, which costs 1 of 125 bits; a uniform
choice of each took longer than the rest of an event."""


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{random_bytes(_ID_LENGTH).translate(_ID_TABLE).decode('ascii')}"
