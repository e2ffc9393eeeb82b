"""The defaults and limits of a server's sessions."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["HOSTED_RATES_HZ", "SessionDefaults"]

HOSTED_RATES_HZ: Final = (24_000,)
"""The one PCM rate of the hosted service."""


class SessionDefaults(Struct, frozen=True, kw_only=True):
    """The configuration and the limits of a new session."""

    model: str = "duologue"
    voice: str = "alloy"
    instructions: str = ""
    silence_duration_ms: int = 500
    duration_s: int = 3600
    """The hosted service ends a session after 60 minutes."""
    input_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ
    output_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ
    """PCM rates that the session accepts and sends; the first is the default."""
    lenient: bool = False
    """Accept harmless faults that the hosted service rejects: unknown fields, and some values out of range. Each is
    reported as a `ToleratedFault`."""
    max_context_tokens: int = 28_672
    """The most that a response reads, with instructions and tools. The hosted model has 32,768 and keeps 4,096 of them
    for the answer; set less for a responder with a smaller context window."""
    tokens_per_minute: int | None = None
    """Rate limit on the responses of one session; None: no limit, and no `rate_limits.updated`."""
    max_items: int = 2_000
    """Items in a conversation, above which a client cannot add more. An hour of quick talk makes a thousand. A client
    in a loop makes as many in a second, and each response reads every item, while all other sessions wait."""
    max_event_bytes: int = 4 * 1024 * 1024
    """One event other than an audio append. Holds a picture of 3 MB as a data URI, more than models use; text of this
    length is sent back twice, which takes 3 ms each."""
    max_event_values: int = 5_000
    """JSON values in one event: 100 tools with 50 values each. Decoding cannot be interrupted."""
    max_event_objects: int = 500
    """Tools, content parts and items in one event, which cost ten times what other values cost. The hosted service
    takes 128 tools."""
    max_item_bytes: int = 4 * 1024 * 1024
    """One item in memory, without its audio: a picture of 3 MB, or a text of 500,000 characters with an emoji in it,
    each of which takes 8 bytes. It also limits a response's text and a tool's output."""
    max_conversation_bytes: int = 32 * 1024 * 1024
    """All items in memory, without their audio: an hour of talk takes 1 MiB, a picture up to 4."""
    max_configuration_bytes: int = 4 * 1024 * 1024
    """A session's instructions and tools in memory, and those of a response. JSON takes three times its text in memory:
    100 tools of 4 kB each, and instructions of the same length, fit."""
    max_session_bytes: int = 128 * 1024 * 1024
    """All that a session holds. 20 minutes of audio in transcription take 115 MB, because it is held twice."""
    max_audio_bytes: int = 16 * 1024 * 1024
    """Audio of items that is kept for `conversation.item.retrieve`: the last six minutes of speech at 24 kHz. An hour
    of it both ways would be 350 MB for each session. Where memory is short it goes before anything is rejected."""
    max_responses: int = 16
    """Concurrent responses. A client has one that speaks and a few that classify or summarise; each keeps a responder
    busy."""
