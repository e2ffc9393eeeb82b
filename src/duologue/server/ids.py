"""Ids as the hosted service makes them."""

from __future__ import annotations

import secrets
import string
from typing import Final

__all__ = ["new_id"]

_ID_CHARACTERS: Final = (string.ascii_letters + string.digits).encode()
_ID_LENGTH: Final = 21
"""As the hosted service has it: 124 bits, so that ids of any two sessions never meet."""

_ID_TABLE: Final = bytes(_ID_CHARACTERS[byte % len(_ID_CHARACTERS)] for byte in range(256))
"""From a random byte to a character. Eight of them come a quarter more often, which costs a bit in 125; choosing each
evenly by itself took longer than all else that an event costs."""


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{secrets.token_bytes(_ID_LENGTH).translate(_ID_TABLE).decode('ascii')}"
