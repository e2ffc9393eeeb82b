"""The WebSocket of a Live session: typed events out, typed events in."""

from __future__ import annotations

from collections import deque
from functools import partial

import msgspec

from duologue.client.asyncio.family_connection import FamilyConnection
from duologue.client.limits import MAX_QUEUED_EVENTS
from duologue.client.messages import new_id
from duologue.codec import decode_live, encode_live
from duologue.dialects import DEFAULT_LIVE_DIALECT, LIVE_PROFILES
from duologue.errors import ConnectFailed
from duologue.events import is_set
from duologue.events.live import (
    AnyLiveEvent,
    LiveClientEvent,
    LiveErrorEvent,
    LiveEvent,
    LiveSessionStartedEvent,
    UnknownLiveEvent,
)
from duologue.transports import Transport

__all__ = ["LiveConnection"]


class LiveConnection(FamilyConnection[AnyLiveEvent, LiveEvent]):
    """An open WebSocket of a Live session; one task may receive and one may send. Cancelling both is safe."""

    def __init__(self, transport: Transport, *, place: str | None = None, dialect: str = DEFAULT_LIVE_DIALECT) -> None:
        """`place` is the URL without secrets, for the log; None: the kind of transport. `dialect` is a name in
        `duologue.dialects.LIVE_PROFILES`."""
        super().__init__(
            transport,
            decode=partial(decode_live, dialect=dialect),
            unreadable=lambda problem: UnknownLiveEvent(json={}, problem=problem),
            encode=partial(encode_live, dialect=dialect),
            place=place,
            dialect=dialect,
        )
        self._profile = LIVE_PROFILES[dialect]
        self._ahead: deque[AnyLiveEvent] = deque()
        """Events that were read while the server's greeting was waited for."""

    async def greeted(self) -> None:
        """Wait until the server has spoken, where the vendor's speaks first. `receive` returns what came, all the same.

        Raises:
            ConnectFailed: it says much, and does not greet.
            ConnectionClosed: the connection is over.
        """
        greeting = self._profile.greeting
        while greeting is not None:
            event = await super().receive()
            self._ahead.append(event)
            if isinstance(event, LiveErrorEvent) or event.to_json().get("type") == greeting:
                return
            if len(self._ahead) >= MAX_QUEUED_EVENTS:
                raise ConnectFailed(f"the server sends other events than its {greeting}", retryable=False)

    async def receive(self) -> AnyLiveEvent:
        """The next event. One that cannot be read is an `UnknownLiveEvent`.

        Raises:
            ConnectionClosed: the connection is over.
        """
        event = self._ahead.popleft() if self._ahead else await super().receive()
        if isinstance(event, LiveSessionStartedEvent):
            self.session_began(event.session.id)
        return event

    async def send(self, event: LiveEvent) -> None:
        """Send an event, with an id where the vendor wants one; waits while the server is slow.

        Raises:
            ConnectionClosed: the connection is over.
        """
        if self._profile.requires_event_ids and isinstance(event, LiveClientEvent) and not is_set(event.event_id):
            event = msgspec.structs.replace(event, event_id=new_id("event"))
        await super().send(event)
