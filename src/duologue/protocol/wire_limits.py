"""Limits and words of the protocol that both sides hold to."""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_METADATA_KEY_CHARS",
    "MAX_METADATA_PAIRS",
    "MAX_METADATA_VALUE_CHARS",
    "MIN_COMMIT_MS",
    "ROOT",
]

ROOT: Final = "root"
"""As `previous_item_id`: put the item first."""

MIN_COMMIT_MS: Final = 100
"""The hosted service makes no item of less audio."""

MAX_METADATA_PAIRS: Final = 16
"""The published limit, as are the two below."""
MAX_METADATA_KEY_CHARS: Final = 64
MAX_METADATA_VALUE_CHARS: Final = 512
