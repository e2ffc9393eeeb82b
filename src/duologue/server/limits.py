"""The limits of the server, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.errors import DuologueError
from duologue.protocol import SessionDefaults

__all__ = ["SESSION_LIMITS", "Limits", "limits_of"]

_MIB: Final = 1024 * 1024


class Limits(Struct, frozen=True, kw_only=True):
    """Every limit of the server, each with its reason. None, where it is allowed, means no limit."""

    frame_bytes: int = 16 * _MIB
    """One message from a client; most clients have the same limit. It holds 12 MiB of audio as base64, four
    minutes; for appends of the protocol's 15 MiB set 21 MiB."""
    body_bytes: int = _MIB
    """One HTTP request. A session with 100 tools of 4 kB each, and as much of instructions, is smaller."""
    backlog_bytes: int = _MIB
    """Messages that wait for one client: about 16 s of speech as base64. Beyond it engines wait."""
    stall_s: float = 30.0
    """For a client with a backlog to take a message. Later, it has gone or will never catch up; TCP itself would
    wait for hours."""
    sessions: int = 1000
    """At once. Systems give a process 1024 open files by default, and 1000 idle sessions fit into 100 MB."""
    max_sessions_per_owner: int | None = 500
    """Of one key with its client secrets, or of one address where no key is asked for: half of all, and more
    calls than one core serves. Where one key is for all clients, or a proxy hides their addresses, set it to
    `sessions`."""
    max_connections: int = 4000
    """At once, sessions and all others. Beyond it those that have waited longest without a session are cut. Where the
    system gives the process fewer descriptors, there are fewer, and an eighth of the descriptors is kept free."""
    max_connections_per_address: int | None = 1000
    """Without a session: in a handshake, in a request or between two. All clients of a proxy count as its address, and
    all of them may come back at once after a restart."""
    max_unread_bytes: int | None = 256 * _MIB
    """Messages and requests that are not complete, or not taken yet, of all connections: 16 of the largest. Beyond it
    the connection that holds most is closed."""
    max_unread_bytes_per_owner: int | None = 64 * _MIB
    """The same of one key, or of one address where there is no session yet or no key is asked for: a quarter of all."""
    max_header_bytes: int = 64 * 1024
    """Request line and headers. Browsers and proxies stay below 16 kB. Handshakes have limits of their own: 8 kB a line
    and 128 headers."""
    headers_s: float | None = 10.0
    """From the connection, or the first byte of a later request, to the end of the headers, which honest clients send
    in one packet."""
    request_s: float | None = 30.0
    """From the end of the headers to the end of the answer. 1 MiB takes as long at 280 kbit/s."""
    handshake_s: float | None = 10.0
    """The TLS handshake, and from the request for a WebSocket to its session. Both are a few round trips."""
    message_s: float | None = 30.0
    """From the first byte of a message to its last, and more for large ones, see `message_bytes_per_s`."""
    message_bytes_per_s: float = 16_384
    """A message may take `message_s`, and a second more for each so many bytes that have come. A line that is slower
    cannot carry speech; 16 MiB get 17 minutes."""
    keep_alive_s: float = 5.0
    """Between two requests of one HTTP connection. Clients ask again at once or open another."""
    wrong_keys_per_minute: float | None = 60
    """Of one address, telephone calls without a right signature included. Above it each one is refused a second later;
    right keys are served at once all the same."""
    stored_live_sessions: int = 1000
    """Live sessions that were stored for forks, of all owners. With 10 kB of conversation in each, 10 MB. Beyond it the
    oldest ones of the owner that has most are dropped; the hosted service keeps them for 30 days."""
    max_stored_live_bytes: int = 64 * _MIB
    """All of them, in memory. They have no end of their own, so they may not take what running sessions need."""
    max_owner_stored_live_bytes: int = 16 * _MIB
    """Those of one key, or of one address where no key is asked for: a fourth, 1,000 with 16 kB of conversation."""
    sessions_per_minute: float | None = None
    """New ones of each key, or of each address where no key is asked for. None: how often a key may be used is the
    operator's decision."""
    events_per_s: float | None = None
    """Messages of one client. None: a session is read no faster than it is served, which slows a sender by itself; a
    recording that is sent faster than it was spoken is honest use."""
    idle_s: float | None = 1800.0
    """Without a message from the client. Half of the hour that a session lasts: a client with a microphone sends audio
    all the time, and one that types comes back sooner."""
    ping_s: float = 20.0
    """Between pings, as the hosted service sends them. A client that leaves one unanswered for as long is gone."""
    engine_s: float = 60.0
    """For an engine's next piece. The longest honest one is the transcript of 20 s of speech on a slow core, or the
    first word of a large language model that has to be loaded."""
    drain_s: float = 25.0
    """For running responses when the server stops. Most supervisors kill a process 30 s after SIGTERM."""
    client_secrets: int = 10_000
    """That have not expired, at once. With 4 kB of configuration in each, 40 MB."""
    max_client_secret_bytes: int = 64 * _MIB
    """All client secrets with their configurations, in memory."""
    max_owner_client_secret_bytes: int = 16 * _MIB
    """Those of one key, or of one address where no key is asked for: a fourth, 4,000 with 4 kB of configuration."""
    max_memory_bytes: int = 1024 * _MIB
    """What all sessions and client secrets hold: audio, items, configurations. A machine of 2 GB keeps a half for
    the process with its engines, 400 MB, and for messages in transit. A thousand callers with a megabyte each
    fit."""
    max_owner_bytes: int = 512 * _MIB
    """The share of one key, or of one address where no key is asked for: a half, so that there is memory for
    others."""


SESSION_LIMITS: Final = (
    "duration_s",
    "max_items",
    "max_event_bytes",
    "max_event_values",
    "max_event_objects",
    "max_item_bytes",
    "max_conversation_bytes",
    "max_audio_bytes",
    "max_configuration_bytes",
    "max_session_bytes",
    "max_context_tokens",
    "tokens_per_minute",
)
"""Limits that the protocol enforces: fields of `SessionDefaults`, with their reasons."""


def limits_of(settings: Iterable[str], defaults: SessionDefaults | None = None) -> tuple[Limits, SessionDefaults]:
    """Limits of the server and of its sessions, from texts such as `sessions=200` or `idle_s=none`.

    Other limits keep their defaults, or their values in `defaults`.

    Raises:
        DuologueError: there is no such limit, or it cannot have this value.
    """
    given: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        name = name.strip().replace("-", "_")
        if name not in (*Limits.__struct_fields__, *SESSION_LIMITS):
            known = (*Limits.__struct_fields__, *SESSION_LIMITS)
            meant = "".join(f"did you mean {each}? " for each in get_close_matches(name, known, n=1, cutoff=0.75))
            raise DuologueError(f"there is no limit {name!r}; {meant}known: {', '.join(known)}")
        given[name] = None if value.strip().lower() == "none" else value.strip()
    try:
        ours = {name: value for name, value in given.items() if name not in SESSION_LIMITS}
        limits = msgspec.convert(ours, Limits, strict=False)
        theirs = {name: value for name, value in given.items() if name in SESSION_LIMITS}
        before = msgspec.structs.asdict(defaults or SessionDefaults())
        defaults = msgspec.convert({**before, **theirs}, SessionDefaults, strict=False)
    except msgspec.ValidationError as fault:
        raise DuologueError(f"limits are given as NAME=NUMBER: {fault}") from fault
    for name in given:
        value = getattr(defaults if name in SESSION_LIMITS else limits, name)
        if value is not None and not value > 0:
            raise DuologueError(f"the limit {name} is a positive number, not {value}")
    return limits, defaults
