"""Sizes as people write them: 10GB, 500 MB, 65536."""

from __future__ import annotations

import re
from typing import Final

from duologue.cli.errors import UsageError

__all__ = ["bytes_of"]

_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,3})?)\s*([kmgt]?)b?", re.IGNORECASE | re.ASCII)

_TIMES: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
"""As disks and file managers count."""


def bytes_of(size: str, *, option: str) -> int:
    """The number of bytes. Raises UsageError, which names the option."""
    found = _SIZE.fullmatch(size.strip())
    if found is None or not (n_bytes := int(float(found[1]) * _TIMES[found[2].lower()])):
        raise UsageError(f"{option} {size}: write a size such as 500MB or 10GB")
    return n_bytes
