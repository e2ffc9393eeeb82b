"""What is kept of a Live session with `store: true`: a fork goes on from it."""

from __future__ import annotations

from msgspec import Struct

from duologue.events.live import LiveSession
from duologue.protocol.live.server.commands import LiveMessage

__all__ = ["StoredLiveSession"]


class StoredLiveSession(Struct, frozen=True, kw_only=True):
    """The configuration and the conversation of a session that was finalised."""

    session: LiveSession
    """As in `session.closed`."""
    messages: tuple[LiveMessage, ...]
    rules: tuple[str, ...] = ()
    """Appended instructions, which hold for the fork too."""
