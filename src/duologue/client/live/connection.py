"""The WebSocket of a Live session: typed events out, typed events in."""

from __future__ import annotations

import logging
from typing import Final

from duologue.client.connection_log import ConnectionLog
from duologue.codec import decode_live, encode_live
from duologue.errors import ConnectionClosed, ConnectionClosedError, DecodeError
from duologue.events.live import AnyLiveEvent, LiveEvent, LiveSessionStartedEvent, UnknownLiveEvent
from duologue.transports import Transport
from duologue.transports.wire_log import WIRE, log_frame

__all__ = ["LiveConnection"]

# Close codes: RFC 6455, section 7.4.1.
_ABNORMAL_CLOSURE: Final = 1006


class LiveConnection:
    """An open WebSocket of a Live session; one task may receive and one may send. Cancelling both is safe."""

    def __init__(self, transport: Transport, *, place: str | None = None, dialect: str = "openai-live") -> None:
        """`place` is the URL without secrets, for the log; None: the kind of transport."""
        self._transport = transport
        self.dialect = dialect
        """The name of the vendor's profile in `duologue.dialects.LIVE_PROFILES`."""
        self.log = ConnectionLog(place if place is not None else f"a {type(transport).__name__}")
        self._session_id: str | None = None

    async def receive(self) -> AnyLiveEvent:
        """The next event. One that cannot be read is an `UnknownLiveEvent`.

        Raises:
            ConnectionClosed: the connection is over.
        """
        try:
            message = await self._transport.receive()
        except ConnectionClosed:
            raise
        except Exception as fault:  # any transport can be passed in
            raise ConnectionClosedError(_ABNORMAL_CLOSURE, f"the transport broke: {fault}") from fault
        if WIRE.isEnabledFor(logging.DEBUG):
            log_frame("received", message, session=self._session_id)
        try:
            event: AnyLiveEvent = decode_live(message)
        except DecodeError as fault:
            return UnknownLiveEvent(json={}, problem=str(fault))
        if isinstance(event, LiveSessionStartedEvent) and self._session_id is None:
            self._session_id = event.session.id
            self.log.session_began(event.session.id, self.dialect)
        return event

    async def send(self, event: LiveEvent) -> None:
        """Send an event; waits while the server is slow.

        Raises:
            ConnectionClosed: the connection is over.
        """
        message = encode_live(event).decode("utf-8")
        if WIRE.isEnabledFor(logging.DEBUG):
            log_frame("sent", message, session=self._session_id)
        try:
            await self._transport.send(message)
        except ConnectionClosed:
            raise
        except Exception as fault:
            raise ConnectionClosedError(_ABNORMAL_CLOSURE, f"the transport broke: {fault}") from fault

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket. Takes 5 seconds at most; closing twice is fine."""
        await self._transport.close(code, reason)
