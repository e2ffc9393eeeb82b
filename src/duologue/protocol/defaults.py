"""What a server's sessions start with, and how they are held to the protocol."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["HOSTED_RATES_HZ", "SessionDefaults"]

HOSTED_RATES_HZ: Final = (24_000,)
"""The one rate of PCM that the hosted service takes."""


class SessionDefaults(Struct, frozen=True, kw_only=True):
    """What a new session starts with."""

    model: str = "duologue"
    voice: str = "alloy"
    instructions: str = ""
    silence_duration_ms: int = 500
    duration_s: int = 3600
    """The hosted service ends a session after 60 minutes."""
    input_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ
    output_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ
    """Rates of PCM that the session takes and speaks; it starts with the first."""
    lenient: bool = False
    """Let pass what the hosted service refuses and what does no harm here: unknown fields, and some values out of
    their range. Each is reported as a `LetPass`."""
    max_context_tokens: int = 28_672
    """What a response reads at most, instructions and tools included. The hosted model has 32,768 and keeps 4,096 of
    them for the answer; who runs a responder with a smaller window says so here."""
    tokens_per_minute: int | None = None
    """What the responses of one session may use; None: no limit, and no `rate_limits.updated`."""
    max_items: int = 10_000
    """Items that a client may bring a conversation to. An hour of quick talk makes a thousand; a client in a loop makes
    as many in a second, and each is looked at for every response."""
    max_audio_bytes: int = 16 * 1024 * 1024
    """Audio of items that is kept for `conversation.item.retrieve`: the last six minutes of speech at 24 kHz. An hour
    of it both ways would be 350 MB for each session."""
    max_responses: int = 16
    """Responses that may run beside each other. A client has one that speaks and a few that classify or summarise; each
    keeps a responder busy."""
