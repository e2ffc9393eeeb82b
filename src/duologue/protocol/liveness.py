"""When a session is replaced by a new one before its end, and when a silent connection is dead."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["LivenessLimits", "RotationLimits", "rotation_due"]


class RotationLimits(Struct, frozen=True, kw_only=True):
    """How long before its end a session is replaced by a new one."""

    lead_s: float = 120.0
    """From here on, rotate between two turns; a longer turn is rare."""
    last_moment_s: float = 15.0
    """From here on, rotate at once: a new session takes a few seconds, and an expired one ends the call."""


class LivenessLimits(Struct, frozen=True, kw_only=True):
    """How long a connection may be silent. A dead one is detected after the sum of both at the latest."""

    quiet_s: float = 5.0
    """After this long without a frame, send a ping; the pong counts as a frame."""
    answer_s: float = 4.0
    """After this long without a pong, the connection is dead; a round trip around the world takes a tenth."""


def rotation_due(
    now: float, ends_at: float | None, *, between_turns: bool, limits: RotationLimits | None = None
) -> bool:
    """Whether to rotate to a new session now; `between_turns` means that there is no speech and no response."""
    if ends_at is None:
        return False
    limits = limits if limits is not None else RotationLimits()
    left_s = ends_at - now
    return left_s <= limits.last_moment_s or (between_turns and left_s <= limits.lead_s)
