"""When recorded sessions and keys end: as long after now as it was after the recording.

A client that is told of an end in the past opens its next session at once, or takes a key for expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

__all__ = ["age_of", "postponed"]

_HOLDERS: Final = frozenset({"session", "client_secret"})
"""Objects with an `expires_at`, beside the outermost."""


def age_of(started_at: str, *, unix_now_s: float) -> int:
    """Seconds since the recording began, whose header says when; 0 if that is no date, or lies in the future."""
    try:
        return max(0, int(unix_now_s - datetime.fromisoformat(started_at).timestamp()))
    except (ValueError, OverflowError, OSError):
        return 0


def postponed(content: Mapping[str, Any], by_s: int) -> Mapping[str, Any]:
    """An event or an answer whose ends come so much later; the same object if it has none, or if nothing changes."""
    if not by_s:
        return content
    changed: dict[str, Any] = {}
    for name, value in content.items():
        if name == "expires_at" and type(value) is int:
            changed[name] = value + by_s
        elif name in _HOLDERS and isinstance(value, dict) and (later := postponed(value, by_s)) is not value:
            changed[name] = later
    return {**content, **changed} if changed else content
