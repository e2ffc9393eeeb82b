"""When a connection is too old, and when it is dead: pure functions of the time."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

__all__ = ["Liveness", "LivenessLimits", "RotationLimits", "liveness", "next_look_at", "rotation_due", "session_end"]


class RotationLimits(Struct, frozen=True, kw_only=True):
    """How long before its end a session is left for a new one."""

    lead_s: float = 120.0
    """From here on the next turn boundary will do; a turn longer than that is rare."""
    last_moment_s: float = 15.0
    """From here on anything will do: opening and restoring takes a few seconds, an expired session takes the call."""


class LivenessLimits(Struct, frozen=True, kw_only=True):
    """How long a connection may be silent. The sum is the longest that a dead one goes unnoticed."""

    quiet_s: float = 5.0
    """Without a frame for so long, ask for one: a ping, whose answer counts as a frame."""
    answer_s: float = 4.0
    """Without one for so long after that, the connection is dead; a round trip around the world takes a tenth."""


class Liveness(Enum):
    """What a connection's silence means."""

    ALIVE = "alive"
    ASK = "ask"
    """Send a ping now."""
    DEAD = "dead"
    """Close it and connect again."""


def session_end(expires_at: int | None, *, now: float, unix_now_s: float) -> float | None:
    """When a session ends, on the clock of `now`; `expires_at` is what the server said, in Unix seconds."""
    return None if expires_at is None else now + (expires_at - unix_now_s)


def rotation_due(
    now: float, ends_at: float | None, *, between_turns: bool, limits: RotationLimits | None = None
) -> bool:
    """Whether to change to a new session now; `between_turns` says that there is no speech and no response."""
    if ends_at is None:
        return False
    limits = limits if limits is not None else RotationLimits()
    left_s = ends_at - now
    return left_s <= limits.last_moment_s or (between_turns and left_s <= limits.lead_s)


def liveness(
    now: float, *, last_frame_at: float, asked_at: float | None = None, limits: LivenessLimits | None = None
) -> Liveness:
    """What to think of a connection whose last frame came then. `asked_at` is when a ping went out for this silence."""
    limits = limits if limits is not None else LivenessLimits()
    if asked_at is not None and asked_at >= last_frame_at:
        return Liveness.DEAD if now - asked_at >= limits.answer_s else Liveness.ALIVE
    return Liveness.ASK if now - last_frame_at >= limits.quiet_s else Liveness.ALIVE


def next_look_at(*, last_frame_at: float, asked_at: float | None = None, limits: LivenessLimits | None = None) -> float:
    """When `liveness` can next say something new, if no frame comes."""
    limits = limits if limits is not None else LivenessLimits()
    if asked_at is not None and asked_at >= last_frame_at:
        return asked_at + limits.answer_s
    return last_frame_at + limits.quiet_s
