"""How much the server lets anybody have, and why that much."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.errors import DuologueError

__all__ = ["Limits", "limits_of"]

_MIB: Final = 1024 * 1024


class Limits(Struct, frozen=True, kw_only=True):
    """Every limit of the server, each with its reason. None, where it is allowed, is no limit."""

    frame_bytes: int = 16 * _MIB
    """One message from a client. The protocol allows appends of 15 MiB; the rest is for the JSON around them."""
    body_bytes: int = _MIB
    """One HTTP request. A session with 100 tools of 4 kB each, and instructions as long again, stays below."""
    backlog_bytes: int = _MIB
    """Messages that wait for one client: about 16 s of speech as base64. Beyond it engines wait."""
    stall_s: float = 30.0
    """A client with a backlog that takes nothing for so long has gone or will never catch up. TCP itself would wait for
    hours."""
    sessions: int = 1000
    """At once. Systems give a process 1024 open files by default, and 1000 idle sessions fit into 100 MB."""
    sessions_per_minute: float | None = None
    """New ones for each key, or each address where no key is asked for. What a key may do is the operator's to say."""
    events_per_s: float | None = None
    """Messages of one client. None: a session is read no faster than it is served, which slows a sender by itself; a
    recording that is sent faster than it was spoken is honest use."""
    idle_s: float | None = None
    """Without a message from the client. None: the hosted service waits too, and every session ends after an hour."""
    ping_s: float = 20.0
    """Between pings, as the hosted service sends them. A client that leaves one unanswered for as long is gone."""
    engine_s: float = 60.0
    """For an engine's next piece. The longest honest one is the transcript of 20 s of speech on a slow core, or the
    first word of a large language model that has to be loaded."""
    drain_s: float = 25.0
    """For running responses when the server stops. Most supervisors kill 30 s after they have asked."""
    client_secrets: int = 10_000
    """Not expired at once. With 4 kB of configuration in each, 40 MB."""


def limits_of(settings: Iterable[str]) -> Limits:
    """Limits from texts such as `sessions=200` or `idle_s=none`; what is not named keeps its default.

    Raises:
        DuologueError: there is no such limit, or it cannot have this value.
    """
    given: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        name = name.strip().replace("-", "_")
        if name not in Limits.__struct_fields__:
            raise DuologueError(f"there is no limit {name!r}; known: {', '.join(Limits.__struct_fields__)}")
        given[name] = None if value.strip().lower() == "none" else value.strip()
    try:
        limits = msgspec.convert(given, Limits, strict=False)
    except msgspec.ValidationError as fault:
        raise DuologueError(f"limits are given as NAME=NUMBER: {fault}") from fault
    for name in given:
        value = getattr(limits, name)
        if value is not None and not value > 0:
            raise DuologueError(f"the limit {name} is a positive number, not {value}")
    return limits
