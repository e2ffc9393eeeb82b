"""Limits and constants of the protocol that both sides share."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_METADATA_KEY_CHARS", "MAX_METADATA_PAIRS", "MAX_METADATA_VALUE_CHARS", "MIN_COMMIT_MS", "ROOT"]

ROOT: Final = "root"
"""As `previous_item_id`: put the item first (rule `item.root`)."""

MIN_COMMIT_MS: Final = 100
"""The hosted service rejects a commit of less audio (rule `error.commit_short`)."""

MAX_METADATA_PAIRS: Final = 16
"""The published limit, as are the two below (rule `error.metadata_too_large`)."""
MAX_METADATA_KEY_CHARS: Final = 64
MAX_METADATA_VALUE_CHARS: Final = 512
