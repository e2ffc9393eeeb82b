"""What a conversation shows of itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from duologue.events import RealtimeEvent
from duologue.recording import Direction

__all__ = ["Observation", "Observer", "Progress", "Watch"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One event that went by."""

    at_s: float
    """Since the conversation began."""
    direction: Direction
    event: RealtimeEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the upload of one clip is, and how loud it is just now."""

    sent_ms: int
    total_ms: int
    level_dbfs: float


Observer: TypeAlias = Callable[[Observation], None]
Watch: TypeAlias = Callable[[Progress], None]
