"""uvicorn's WebSocket, except that closing waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

__all__ = ["Socket"]


class Socket(WebSocketsSansIOProtocol):
    """A client that reads nothing cannot keep its connection.

    The close frame goes behind what waits for it already, where it arrives if the client comes back to its senses, and
    the connection is aborted if it does not. uvicorn would wait for the buffer to drain before either.
    """

    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn does, but a close at once."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
