"""When a connection is too old, and when it is dead: pure functions of the time."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

__all__ = ["Liveness", "LivenessLimits", "RotationLimits", "liveness", "next_look_at", "rotation_due", "session_end"]


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


class Liveness(Enum):
    """What a connection's silence means."""

    ALIVE = "alive"
    ASK = "ask"
    """Send a ping now."""
    DEAD = "dead"
    """Close it and connect again."""


def session_end(expires_at: int | None, *, now: float, unix_now_s: float) -> float | None:
    """When a session ends, on the clock of `now`; `expires_at` is the server's, in Unix seconds."""
    return None if expires_at is None else now + (expires_at - unix_now_s)


def rotation_due(
    now: float, ends_at: float | None, *, between_turns: bool, limits: RotationLimits | None = None
) -> bool:
    """Whether to rotate to a new session now; `between_turns` means that there is no speech and no response."""
    if ends_at is None:
        return False
    limits = limits if limits is not None else RotationLimits()
    left_s = ends_at - now
    return left_s <= limits.last_moment_s or (between_turns and left_s <= limits.lead_s)


def liveness(
    now: float, *, last_frame_at: float, asked_at: float | None = None, limits: LivenessLimits | None = None
) -> Liveness:
    """The state of a connection, by the time of its last frame. `asked_at` is when this silence's ping was sent."""
    limits = limits if limits is not None else LivenessLimits()
    if asked_at is not None and asked_at >= last_frame_at:
        return Liveness.DEAD if now - asked_at >= limits.answer_s else Liveness.ALIVE
    return Liveness.ASK if now - last_frame_at >= limits.quiet_s else Liveness.ALIVE


def next_look_at(*, last_frame_at: float, asked_at: float | None = None, limits: LivenessLimits | None = None) -> float:
    """When `liveness` changes next if no frame arrives."""
    limits = limits if limits is not None else LivenessLimits()
    if asked_at is not None and asked_at >= last_frame_at:
        return asked_at + limits.answer_s
    return last_frame_at + limits.quiet_s
