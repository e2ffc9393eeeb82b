"""Ids as the hosted service makes them."""

from __future__ import annotations

import secrets
import string
from typing import Final

__all__ = ["new_id"]

_ID_CHARACTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 21
"""As the hosted service has it: 125 bits, so that ids of any two sessions never meet."""


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{''.join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))}"
