"""What a talker reports while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from duologue.events import RealtimeEvent
from duologue.recording import Direction

__all__ = ["Observation", "Observer", "Progress", "ProgressCallback"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One event, sent or received."""

    at_s: float
    """Seconds since the start of the call."""
    direction: Direction
    event: RealtimeEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of the upload of one clip, and its current level."""

    sent_ms: int
    total_ms: int
    level_dbfs: float


Observer: TypeAlias = Callable[[Observation], None]
ProgressCallback: TypeAlias = Callable[[Progress], None]
