"""What a session needs of the connection under it: `send`, `receive` and `close`."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Transport"]


class Transport(Protocol):
    """A connection that carries WebSocket messages both ways: `str` is a text message, `bytes` a binary one.

    One task may receive and one may send at the same time; two receivers, or two senders, may not.
    """

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the peer is slow.

        Cancelling is safe before the message is accepted; afterwards it is on its way.

        Raises:
            ConnectionClosed: it is closed; the message was not sent.
        """
        ...

    async def receive(self) -> str | bytes:
        """The next message, in order. Cancelling loses nothing.

        Raises:
            ConnectionClosed: no more messages; those that came before the close have been returned.
        """
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both directions. Closing twice is fine. Returns within 5 seconds even if the peer does not answer."""
        ...
