"""The limits of one worker, of those that an operator sets for all of them together."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from duologue.server.limits import Limits

__all__ = ["limits_of_worker"]

_SHARED: Final = (
    "max_memory_bytes",
    "max_owner_bytes",
    "max_unread_bytes",
    "max_unread_bytes_per_owner",
    "stored_live_sessions",
    "max_stored_live_bytes",
    "max_owner_stored_live_bytes",
    "max_connections",
    "max_connections_per_address",
)
"""What is held where the connection is; connections are spread evenly, so each worker has an equal part. The parent
keeps the limits of sessions, rates and client secrets for all."""

_OF_MESSAGES: Final = frozenset({"max_unread_bytes", "max_unread_bytes_per_owner"})
"""Never below two messages of the longest kind: one that is taken while the next one comes."""


def limits_of_worker(limits: Limits, workers: int) -> Limits:
    """The limits that each of so many workers holds, so that all of them hold these."""
    parts: dict[str, Any] = {}
    for name in _SHARED:
        whole = getattr(limits, name)
        if whole is not None:
            parts[name] = max(-(-whole // workers), 2 * limits.frame_bytes if name in _OF_MESSAGES else 1)
    return msgspec.structs.replace(limits, **parts)
