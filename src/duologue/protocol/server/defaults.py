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
    their range. Each is reported as a `ToleratedFault`."""
    max_context_tokens: int = 28_672
    """What a response reads at most, instructions and tools included. The hosted model has 32,768 and keeps 4,096 of
    them for the answer; who runs a responder with a smaller window says so here."""
    tokens_per_minute: int | None = None
    """What the responses of one session may use; None: no limit, and no `rate_limits.updated`."""
    max_items: int = 2_000
    """Items that a client may bring a conversation to. An hour of quick talk makes a thousand; a client in a loop makes
    as many in a second, and each is looked at for every response, while all other sessions wait."""
    max_event_bytes: int = 4 * 1024 * 1024
    """One event that is no append of audio. It holds a picture of 3 MB as a data URI, more than models look at; text
    of this length is written back twice, 3 ms each."""
    max_event_values: int = 5_000
    """JSON values in one event: 100 tools with 50 values each. What is done with them cannot be interrupted, and takes
    7 ms for so many."""
    max_event_objects: int = 500
    """Tools, content parts and items in one event, which cost ten times what other values cost. The hosted service
    takes 128 tools."""
    max_item_bytes: int = 4 * 1024 * 1024
    """One item in memory, without its audio: a picture of 3 MB, or a text of 500,000 characters with an emoji in it,
    each of which takes 8 bytes. What a response writes and what a tool returns are held to it too."""
    max_conversation_bytes: int = 32 * 1024 * 1024
    """All items in memory, without their audio: an hour's talk takes one, each of eight large pictures four."""
    max_configuration_bytes: int = 4 * 1024 * 1024
    """A session's instructions and tools in memory, and those of a response. JSON takes three times its text there:
    100 tools of 4 kB each, and instructions as long again, stay below."""
    max_session_bytes: int = 128 * 1024 * 1024
    """All that a session holds. 20 minutes of audio that is transcribed takes 115 of them: it is there twice."""
    max_audio_bytes: int = 16 * 1024 * 1024
    """Audio of items that is kept for `conversation.item.retrieve`: the last six minutes of speech at 24 kHz. An hour
    of it both ways would be 350 MB for each session."""
    max_responses: int = 16
    """Responses that may run beside each other. A client has one that speaks and a few that classify or summarise; each
    keeps a responder busy."""
