"""What the client of a Live session may send and see on its data channel (`client.data_channel` of the session)."""

from __future__ import annotations

from typing import Final

from duologue.events import is_set
from duologue.events.live import (
    AnyLiveEvent,
    LiveDataChannelConfig,
    LiveResponseEvent,
    LiveServerEventSelector,
    LiveSession,
    UnknownLiveEvent,
)

__all__ = ["ChannelRules"]

_ALL: Final = "all"

_ALWAYS_SEEN: Final = frozenset({"session.started", "session.closed", "info", "error"})
"""Without these a client would not know that the session is there, why a command failed, and when it is over."""


class ChannelRules:
    """Without a list everything is allowed. What is neither `all` nor a list allows nothing."""

    def __init__(self, session: LiveSession) -> None:
        client = session.client if is_set(session.client) else None
        config = client.data_channel if client is not None and is_set(client.data_channel) else LiveDataChannelConfig()
        self._sent = _names(config.allowed_client_events)
        self._seen = _selectors(config.allowed_server_events)

    @property
    def notice(self) -> str | None:
        """What the client is told of what it may send; None: everything."""
        return None if self._sent is None else f"{len(self._sent)} client events allowed"

    @property
    def hides(self) -> bool:
        """Whether there are events that the client does not see."""
        return self._seen is not None

    @property
    def refuses(self) -> bool:
        """Whether there are events that the client may not send."""
        return self._sent is not None

    def may_send(self, event: AnyLiveEvent) -> bool:
        """Whether the client may send this."""
        return self._sent is None or _type_of(event) in self._sent

    def may_see(self, event: AnyLiveEvent) -> bool:
        """Whether the client sees this."""
        if self._seen is None:
            return True
        name = _type_of(event)
        inner = event.event.get("type") if isinstance(event, LiveResponseEvent) else None
        return name in _ALWAYS_SEEN or any(
            each.type == name and (not is_set(each.response_event) or each.response_event == inner)
            for each in self._seen
        )


def _type_of(event: AnyLiveEvent) -> str | None:
    return event.wire_type if isinstance(event, UnknownLiveEvent) else event.type


def _names(allowed: object) -> frozenset[str] | None:
    if not is_set(allowed) or allowed == _ALL:
        return None
    return frozenset(allowed) if isinstance(allowed, list) else frozenset()


def _selectors(allowed: object) -> list[LiveServerEventSelector] | None:
    if not is_set(allowed) or allowed == _ALL:
        return None
    return allowed if isinstance(allowed, list) else []
