"""A telephone call at the server, as one at the hosted service's SIP: it rings until an application decides on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from duologue.clock import unix_time
from duologue.codec import encode
from duologue.errors import ConnectionClosed
from duologue.events import InputAudioBufferDtmfEventReceivedEvent
from duologue.transports.webrtc.peer import Peer

__all__ = ["CallDeclined", "IncomingCall"]

_GIVEN_UP: Final = 487
"""Request Terminated: the caller hung up before an answer (RFC 3261, section 21.4.25)."""


class CallDeclined(Exception):
    """The call was not accepted; `status_code` is the SIP status that the caller gets."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"the call was declined with SIP status {status_code}")
        self.status_code = status_code


class IncomingCall:
    """Made by `ServedCalls.ring`. The side of the telephone, which is no part of the server, has the other peer.

    Its sound is 24 kHz at the seam; what the network carries, G.711 mostly, is the telephone's.
    """

    def __init__(self, *, call_id: str, offer: str, peer: Peer, owner: str | None = None) -> None:
        """`offer` is the telephone's, and `peer` answers it. Callers other than the `owner` do not see the call."""
        self.call_id = call_id
        self.offer = offer
        self.peer = peer
        self.owner = owner
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The answer to the offer, once accepted; else `CallDeclined`."""
        self.on_refer: Callable[[str], object] = lambda _: None
        """Told where the carrier is to transfer the call."""
        self.tell: Callable[[str], Awaitable[None]] | None = None
        """Sends a message to all who have joined the session, once there is one."""
        self._is_taken = False

    @property
    def rings(self) -> bool:
        """Whether it can be accepted or declined: no application has decided, or is about to."""
        return not self._is_taken and not self.answered.done()

    def take(self) -> None:
        """An application accepts the call; no other one can, unless it is put back."""
        self._is_taken = True

    def put_back(self) -> None:
        """It was not accepted after all, and rings on."""
        self._is_taken = False

    def accept(self, answer: str) -> None:
        """The session is there: the caller is through."""
        if not self.answered.done():
            self.answered.set_result(answer)

    async def decline(self, status_code: int = _GIVEN_UP) -> None:
        """End the ringing; without a status the caller has given up."""
        if not self.answered.done():
            self.answered.set_exception(CallDeclined(status_code))
            self.answered.exception()  # a telephone that does not wait for it is no reason for a warning
            await self.peer.close()

    async def press(self, key: str) -> None:
        """The caller presses a key, of which those who have joined the session are told."""
        if self.tell is not None:
            event = InputAudioBufferDtmfEventReceivedEvent(event=key, received_at=int(unix_time()))
            try:
                await self.tell(encode(event).decode("utf-8"))
            except ConnectionClosed:
                return  # with the call
