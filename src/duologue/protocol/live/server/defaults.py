"""The defaults and limits of Live sessions on a server, each limit with its reason."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["LiveDefaults"]


class LiveDefaults(Struct, frozen=True, kw_only=True):
    """What a session has if its client does not say otherwise, and how much it may hold."""

    voice: str = "marin"
    """The published default."""
    instructions: str = ""
    """For a client that names none."""
    silence_duration_ms: int = 500
    """Silence that ends what the user says, as for Realtime."""
    duration_s: int = 7200
    """Sessions of the hosted service are said to last two hours; `expires_at` tells the client."""
    start_within_s: float = 30.0
    """How long a connection may wait before `session.start`; clients wait as long for the answer."""
    starve_s: float = 31.0
    """Without input audio for so long, a session expires, as measured at the hosted service."""
    drain_s: float = 10.0
    """The longest that a session goes on after `session.close`: clients wait 10 s and more."""
    usage_every_s: int = 15
    """As measured at the hosted service."""
    max_ahead_ms: int = 30_000
    """Input audio ahead of the clock. A client that is live is never ahead; one that sends a recording at once may
    send this much, which takes 1.4 MB."""
    max_utterance_ms: int = 120_000
    """What the user says without a pause. It is held until it is transcribed: 5.8 MB. Noise can look like speech for
    ever, so a longer one is cut."""
    max_untranscribed: int = 8
    """Utterances that wait for their transcripts: a transcriber that is so far behind does not catch up."""
    max_voice_ahead_ms: int = 300_000
    """Speech that waits to be heard: five minutes, 14.4 MB. The shell should stop far below, at `voice_ahead_ms`."""
    max_reply_chars: int = 65_536
    """One reply: more than an hour of speech."""
    max_context_tokens: int = 28_672
    """What a reply reads, as for Realtime. The oldest messages are dropped above this."""
    max_messages: int = 500
    """Messages that are kept, however short: each reply reads all of them."""
    max_instructions_tokens: int = 16_384
    """The published limit, of the start's instructions and of all that are appended, each."""
    max_input_messages: int = 128
    """The published limit on earlier messages."""
    max_input_tokens: int = 8_192
    """The published limit on them together."""
    max_append_tokens: int = 500
    """The published limit on the content of one append."""
    max_appends: int = 64
    """Appends that wait for their place on the timeline. Each takes most of a second."""
    max_response_items: int = 128
    """The published limit on items that wait for a `response.create`."""
    max_response_bytes: int = 32_768
    """The published limit on them together, in UTF-8."""
    max_response_requests: int = 16
    """Requests that wait while a response runs; each starts one."""
    max_fixture_ms: int = 30_000
    """The published limit."""
    max_tools: int = 128
    """The hosted service takes so many in Realtime."""
    max_delegations: int = 256
    """Delegations that can still be answered; clients remember as many."""
    max_sidebands: int = 16
    """Each one gets all audio again, in both directions."""
    max_event_bytes: int = 4 * 1024 * 1024
    """One event, apart from its audio, as for Realtime."""
    max_event_values: int = 5_000
    """JSON values in one event, as for Realtime: decoding cannot be interrupted."""
    max_event_objects: int = 500
    """Tools, messages and parts in one event, as for Realtime."""
    max_configuration_bytes: int = 4 * 1024 * 1024
    """A session's settings in memory, as for Realtime. Every connection gets all of them after each update."""
    max_session_bytes: int = 64 * 1024 * 1024
    """All that a session holds: the limits above, together, and half as much again."""
