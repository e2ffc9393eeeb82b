"""The table of `abuse.py`: each attack with its budget and the reason for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from bench import _abuse_calls as calls
from bench import _abuse_connections as connections
from bench import _abuse_live as live
from bench import _abuse_memory as memory
from bench import _abuse_sessions as sessions
from bench._abuse_tools import each, llm, mcp, mcp_labels, mcp_off, mcp_servers
from bench._abuse_wire import Target

__all__ = ["AT_ONCE", "OPEN", "PEER", "ROWS", "Row"]

PEER: Final = "{peer}"
"""In an option of the server: the URL of the hostile server."""

_MCP: Final = ("--mcp", f"{PEER}/mcp")
_LLM: Final = ("--llm", f"{PEER}/llm", "--llm-model", "m", "--llm-key", "secret")
OPEN: Final = "(no key)"
"""In the options of a server that asks for no key."""


async def _nothing(target: Target) -> None:
    """No attack."""
    await target.dial()
    await target.hold()


class Row(NamedTuple):
    """One attack."""

    name: str
    actor: str
    """What the attacker has: nothing, a `key`, a client secret (`ek_`), or a server that ours asks."""
    attack: Callable[[Target], Awaitable[None]]
    budget_mb: int
    """How much more memory than before the server may have at any moment."""
    reason: str
    options: tuple[str, ...] = ()
    """Of `duologue serve`."""
    when: str = "always"
    """In the `long` form, in the `short` one, or `always`."""
    rest_mb: int = 30
    """How much more memory than before may stay."""
    rest_descriptors: int = 4
    """How many more descriptors."""
    settle_s: float = 15.0
    """How long the server may take to give it all back."""


_ADDRESS_MB: Final = 135
_ADDRESS: Final = "max_unread_bytes_per_owner, 67 MB for an address, and as much again freed and not trimmed yet"
_UNREAD_MB: Final = 135
_UNREAD: Final = "max_unread_bytes_per_owner, 67 MB, and as much again freed and not trimmed yet; nothing stays"
_SESSION_MB: Final = 240
_SESSION: Final = "max_session_bytes, 134 MB, and 67 MB of messages in transit"
_OWNER_MB: Final = 720
_OWNER: Final = "max_owner_bytes, 537 MB for one key in blocks 8 % larger, and 135 MB of messages as above"
_SECRETS_MB: Final = 60
_SECRETS: Final = "max_owner_client_secret_bytes, 17 MB, and bodies in transit"
_STORED_MB: Final = 150
_STORED: Final = "max_owner_stored_live_bytes, 17 MB, which stays, and messages in transit"
_CPU_MB: Final = 100
_CPU: Final = "costs time, not memory: messages in transit"
_CALLS_MB: Final = 180
_CALLS: Final = "the library of WebRTC, 25 MB, and 1 MB for each call that an owner may have at once"
_LIBRARY_MB: Final = 60
"""What stays: the library with its threads, as after the first call, and what is not trimmed yet."""
_UNCONNECTED_S: Final = 45.0
"""A call whose answer is never used ends after 30 s."""
_PEER_MB: Final = 60
_PEER_REASON: Final = "one answer of another server, read to its limit, for each session"

_NO_KEY: Final = (
    ("unfinished_big_frames", connections.unfinished_big_frames, ()),
    ("big_frames", connections.big_frames, ()),
    ("endless_fragments", connections.endless_fragments, ()),
    ("drip_headers", connections.drip_headers, ()),
    ("big_headers", connections.big_headers, ()),
    ("half_bodies_no_key", connections.half_bodies, ()),
    ("bodies_by_the_byte_no_key", connections.bodies_by_the_byte, ()),
    ("pipelined_pages", connections.pipelined_pages, ()),
    ("unread_pages", connections.unread_pages, ()),
    ("wrong_keys", connections.wrong_keys, ()),
    ("deflate_offers", connections.deflate_offers, ()),
    ("reset_connections", connections.reset_connections, ()),
    ("distinct_paths", connections.distinct_paths, ()),
    ("idle_sessions_no_key", connections.idle_sessions, (OPEN,)),
    ("calls_no_key", calls.bad_offers, ()),
)

_FULL_TABLE: Final = (
    ("half_handshakes", connections.half_handshakes),
    ("half_handshakes_everywhere", connections.half_handshakes_everywhere),
    ("silent_sockets", connections.silent_sockets),
)

_KEY: Final = (
    ("big_refusals", memory.big_refusals, _UNREAD_MB, _UNREAD),
    ("big_texts", memory.big_texts, _SESSION_MB, _SESSION),
    ("emoji_texts", memory.emoji_texts, _SESSION_MB, _SESSION),
    ("big_images", memory.big_images, _SESSION_MB, _SESSION),
    ("big_outputs", memory.big_outputs, _SESSION_MB, _SESSION),
    ("fitting_texts", memory.fitting_texts, _OWNER_MB, _OWNER),
    ("fitting_texts_everywhere", memory.fitting_texts_everywhere, _OWNER_MB, _OWNER),
    ("fitting_refusals", memory.fitting_refusals, _UNREAD_MB, _UNREAD),
    ("fitting_tools", memory.fitting_tools, _OWNER_MB, _OWNER),
    ("items_in_many_sessions", memory.items_in_many_sessions, _OWNER_MB, _OWNER),
    ("small_items", memory.small_items, _OWNER_MB, _OWNER),
    ("many_parts", memory.many_parts, _OWNER_MB, _OWNER),
    ("big_instructions", memory.big_instructions, _OWNER_MB, _OWNER),
    ("many_tools", memory.many_tools, _OWNER_MB, _OWNER),
    ("many_updates", memory.many_updates, _CPU_MB, _CPU),
    ("audio_buffers", memory.audio_buffers, _OWNER_MB, _OWNER),
    ("big_appends", memory.big_appends, _OWNER_MB, _OWNER),
    ("noise", memory.noise, _OWNER_MB, _OWNER),
    ("unfinished_messages", memory.unfinished_messages, _UNREAD_MB, _UNREAD),
    ("tiny_fragments", memory.tiny_fragments, _UNREAD_MB, _UNREAD),
    ("secrets", memory.secrets, _SECRETS_MB, _SECRETS),
    ("half_bodies", connections.half_bodies, _UNREAD_MB, _UNREAD),
    ("bodies_by_the_byte", connections.bodies_by_the_byte, _CPU_MB, _CPU),
    ("idle_sessions", connections.idle_sessions, _OWNER_MB, _OWNER),
    ("slow_readers", sessions.slow_readers, _OWNER_MB, _OWNER),
    ("retrieves", sessions.retrieves, _OWNER_MB, _OWNER),
    ("patterns", sessions.patterns, _CPU_MB, _CPU),
    ("deep_json", sessions.deep_json, _CPU_MB, _CPU),
    ("heavy_json", sessions.heavy_json, _OWNER_MB, _OWNER),
    ("middling_json", sessions.middling_json, _CPU_MB, _CPU),
    ("responses", sessions.responses, _OWNER_MB, _OWNER),
    ("wide_inputs", sessions.wide_inputs, _OWNER_MB, _OWNER),
    ("counting", sessions.counting, _OWNER_MB, _OWNER),
    ("tiny_frames", sessions.tiny_frames, _CPU_MB, _CPU),
    ("log_lines", sessions.log_lines, _CPU_MB, _CPU),
    ("close_codes", sessions.close_codes, _CPU_MB, _CPU),
    ("mcp_off", mcp_off, _CPU_MB, _CPU),
    ("everything", sessions.everything, _OWNER_MB, _OWNER),
    ("live_floods", live.live_floods, _OWNER_MB, _OWNER),
    ("live_sidebands", live.live_sidebands, _OWNER_MB, _OWNER),
    ("live_stored", live.live_stored, _STORED_MB, _STORED),
    ("live_strangers", live.live_strangers, _CPU_MB, _CPU),
    ("translations", live.translations, _OWNER_MB, _OWNER),
)

_CALL_ROWS: Final = (
    ("calls_unconnected", calls.unconnected_calls, _CALLS_MB, _CALLS, "long"),
    ("calls_hung_up", calls.hung_up_calls, _CALLS_MB, _CALLS, "always"),
    ("calls_bad_offers", calls.bad_offers, _CPU_MB, _CPU, "always"),
    ("calls_sidebands", calls.call_sidebands, _OWNER_MB, _OWNER, "long"),
    ("calls_strangers", calls.call_strangers, _CPU_MB, _CPU, "always"),
    ("calls_floods", calls.channel_floods, _OWNER_MB, _OWNER, "always"),
)

_SECRET: Final = (("secret_sessions", sessions.secret_sessions), ("secret_items", sessions.secret_items))

_MCP_MODES: Final = (
    *("gzip", "gzip_call", "gzip_first", "pattern", "pages", "fat_pages", "many_tools", "stream", "call_stream"),
    *("retry", "other_ids", "endless_line", "redirect", "redirect_host", "redirect_call", "hang", "hang_call"),
    *("hang_delete", "big_output", "deep", "deep_schema", "endless_head", "trickle", "error_body", "fail"),
)
_LLM_MODES: Final = (
    *("error_body", "gzip", "gzip_error", "endless_line", "deltas", "call", "calls", "head", "hang", "redirect"),
)

ROWS: Final[tuple[Row, ...]] = (
    Row("idle", "nothing", _nothing, 20, "no attack"),
    *(Row(name, "nothing", attack, _ADDRESS_MB, _ADDRESS, options) for name, attack, options in _NO_KEY),
    *(Row(name, "nothing", attack, _ADDRESS_MB, _ADDRESS) for name, attack in _FULL_TABLE),
    *(Row(name, "key", attack, budget_mb, reason) for name, attack, budget_mb, reason in _KEY),
    *(
        Row(
            name,
            "key",
            attack,
            budget_mb,
            reason,
            when=when,
            rest_mb=_LIBRARY_MB,
            rest_descriptors=8,
            settle_s=_UNCONNECTED_S,
        )
        for name, attack, budget_mb, reason, when in _CALL_ROWS
    ),
    *(Row(name, "ek_", attack, _OWNER_MB, _OWNER) for name, attack in _SECRET),
    Row("mcp_servers", "key", mcp_servers, _CPU_MB, _CPU, _MCP),
    Row("mcp_labels", "key", mcp_labels, _CPU_MB, _CPU, _MCP),
    *(Row(f"mcp_{mode}", "MCP server", mcp(mode), _PEER_MB, _PEER_REASON, _MCP, "long") for mode in _MCP_MODES),
    *(Row(f"llm_{mode}", "LLM", llm(mode), _PEER_MB, _PEER_REASON, _LLM, "long") for mode in _LLM_MODES),
)

AT_ONCE: Final[tuple[Row, ...]] = (
    Row("each_mcp", "MCP server", each(mcp, _MCP_MODES), 200, "four sessions' worth of the above", _MCP, "short"),
    Row("live_llm", "LLM", live.live_llm, 200, "four sessions' worth of the above", _LLM, "always"),
    Row("each_llm", "LLM", each(llm, _LLM_MODES), 200, "four sessions' worth of the above", _LLM, "short"),
)
"""What the short form has instead of a row for each kind of hostile server."""
