"""What a caller does in a call: what is said and when, which keys are pressed, and when the caller hangs up."""

from __future__ import annotations

from msgspec import Struct

from duologue.audio.wav import Sound

__all__ = ["CallPlan", "CallerSays", "KeysAt"]


class CallerSays(Struct, frozen=True, kw_only=True):
    """One thing that the caller says."""

    sound: Sound
    interrupts_after_ms: int | None = None
    """How much of the answer before it is heard until then; None: it is heard to its end."""


class KeysAt(Struct, frozen=True, kw_only=True):
    """Keys that are pressed one after another, at a time of the call."""

    keys: str
    at_s: float


class CallPlan(Struct, frozen=True, kw_only=True):
    """A call. Without more, the caller says everything in turn, hears each answer, and hangs up."""

    says: tuple[CallerSays, ...] = ()
    keys: tuple[KeysAt, ...] = ()
    hears_greeting: bool = False
    """Whether the caller waits for what is said first, and hears it to its end."""
    begin_ms: int = 300
    """How long the caller waits before the first word."""
    settle_ms: int = 1_000
    """An answer is over when nothing was heard for so long: models pause between sentences."""
    patience_s: float = 10.0
    """How long the caller waits for an answer."""
    hang_up_after_s: float | None = None
    """The caller hangs up then, and not before; None: when the last answer is over."""
    longest_s: float = 600.0
    """The caller hangs up then in any case: an answer may never end."""
    sends_silence: bool | None = None
    """Whether audio is sent while the caller is silent; None: as the carrier does it."""

    def __post_init__(self) -> None:
        unknown = {key for each in self.keys for key in each.keys} - set("0123456789*#ABCD")
        if unknown:
            raise ValueError(f"a telephone has no key {sorted(unknown)[0]!r}")
