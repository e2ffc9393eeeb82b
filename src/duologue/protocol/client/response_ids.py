"""What a response is known by, and the status that it has if its end is not known."""

from __future__ import annotations

from typing import Final

from duologue.events import RealtimeResponse, is_set

__all__ = ["UNKNOWN_STATUS", "response_id_of"]

UNKNOWN_STATUS: Final = "unknown"
"""Status of a response whose end the server has not told: no server sends it."""


def response_id_of(response: RealtimeResponse) -> str:
    """The response's id; empty for a server that gives none."""
    return response.id if is_set(response.id) else ""
