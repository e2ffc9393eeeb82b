"""How a carrier's protocol behaves, where protocols differ: the table that the bridge goes by."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = ["Traits"]


class Traits(Struct, frozen=True, kw_only=True):
    """What one protocol does. Sources: the vendors' documents, and Asterisk 22.10.1 as it ran."""

    marks: bool
    """Whether the carrier tells when a mark was reached."""
    after_clear: Literal["echo", "drop", "unknown"] = "unknown"
    """What becomes of outstanding marks when the queue is emptied. The bridge counts none of them in any case."""
    clears: bool = True
    """Whether the carrier's queue can be emptied. Without it, audio is sent no more than 20 ms ahead."""
    most_queued_ms: int | None = None
    """No more is sent ahead of what is played: what does not fit is lost, and the carrier warns too late."""
    fills_pauses: bool = False
    """Whether silence is sent while there is no speech: without it the carrier takes the connection for dead."""
    whole_frames: bool = True
    """Whether a piece that is no multiple of 20 ms stutters or is lost: it is filled up with silence."""
    reorders: bool = False
    """Whether caller's audio may come out of order; it is sorted by its chunk then."""
    quiet_when_silent: bool = False
    """Whether nothing is sent while the caller's channel is silent."""
    longest_text_bytes: int | None = None
    """A longer text message is dropped by the carrier."""
    subprotocol: str | None = None
    """What the WebSocket handshake must agree on."""
