"""The WebSocket of a session beside Realtime: typed events of one family out, typed events in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from duologue.client.logs.connection_log import ConnectionLog
from duologue.errors import ConnectionClosed, ConnectionClosedError, DecodeError
from duologue.events.base import Variant
from duologue.transports import Transport
from duologue.transports.wire_log import WIRE, log_frame

__all__ = ["FamilyConnection"]

# Close codes: RFC 6455, section 7.4.1.
_ABNORMAL_CLOSURE: Final = 1006

R = TypeVar("R")
"""What is received."""
S = TypeVar("S", bound=Variant)
"""What is sent."""


class FamilyConnection(Generic[R, S]):
    """An open WebSocket; one task may receive and one may send. Cancelling both is safe."""

    def __init__(
        self,
        transport: Transport,
        *,
        decode: Callable[[str | bytes], R],
        unreadable: Callable[[str], R],
        encode: Callable[[S], bytes],
        place: str | None = None,
        dialect: str,
    ) -> None:
        """`unreadable` makes the event of a message that is no JSON object. `place` is the URL without secrets, for the
        log; None: the kind of transport."""
        self._transport = transport
        self._decode = decode
        self._unreadable = unreadable
        self._encode = encode
        self.dialect = dialect
        self.log: ConnectionLog = ConnectionLog(place if place is not None else f"a {type(transport).__name__}")
        self._session_id: str | None = None

    def session_began(self, session_id: str) -> None:
        """The server has sent the session, whose name is in the log from now on."""
        if self._session_id is None:
            self._session_id = session_id
            self.log.session_began(session_id, self.dialect)

    async def receive(self) -> R:
        """The next event.

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
            return self._decode(message)
        except DecodeError as fault:
            return self._unreadable(str(fault))

    async def send(self, event: S) -> None:
        """Send an event; waits while the server is slow.

        Raises:
            ConnectionClosed: the connection is over.
        """
        message = self._encode(event).decode("utf-8")
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
