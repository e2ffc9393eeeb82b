"""Detects a connection that is dead although it looks open."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from websockets.protocol import State

from duologue.protocol.liveness import LivenessLimits

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection

__all__ = ["KeepAlive"]

_logger = logging.getLogger("duologue.client.liveness")

_OWN_PAUSE_S: Final = 0.5
"""A wait that ends so much too late shows that this program stood still: the server's answer may wait in the socket."""


class KeepAlive:
    """Sends a ping to a server that has been silent for too long, and cuts the connection if no answer comes.

    Only silence while a reader waits counts. When the application does not read, the socket is not read either, and the
    pong waits behind everything that the server has sent before.
    """

    def __init__(self, socket: Connection, limits: LivenessLimits) -> None:
        self.silent_since_s: float | None = None
        """Since when a reader waits, on the loop's clock; None: no reader waits. The reader sets it."""
        self.cut_reason: str | None = None
        """Why the connection was cut, if it was."""
        self._socket = socket
        self._limits = limits
        self._now = asyncio.get_running_loop().time

    async def watch(self) -> None:
        """Watch until the connection is over. Cancel to stop."""
        while self._socket.state is State.OPEN:
            since_s = self.silent_since_s
            wait_s = self._limits.quiet_s if since_s is None else since_s + self._limits.quiet_s - self._now()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif not await self._answers():
                self.cut_reason = (
                    f"the server was silent for {self._limits.quiet_s:g} s and did not answer a ping within"
                    f" {self._limits.answer_s:g} s"
                )
                _logger.warning("cutting a connection that is dead: %s", self.cut_reason)
                self._socket.transport.abort()
                return

    async def _answers(self) -> bool:
        """Send a ping and wait for the answer or for any message."""
        asked_s, since_s = self._now(), self.silent_since_s
        deadline_s = asked_s + self._limits.answer_s
        pong = asyncio.ensure_future(self._ping())  # noqa: TID251 - awaited or cancelled below
        try:
            # Not asyncio.timeout: after a pause of this program it would time out although the answer is there.
            await asyncio.wait([pong], timeout=self._limits.answer_s)
            answered = pong.done() or self.silent_since_s != since_s
        finally:
            pong.cancel()
            await asyncio.gather(pong, return_exceptions=True)
        if answered and self.silent_since_s == since_s:
            self.silent_since_s = self._now()
        return answered or self._now() - deadline_s > min(_OWN_PAUSE_S, self._limits.answer_s)

    async def _ping(self) -> None:
        # Sending the ping can wait too, behind audio that a dead peer does not take.
        await (await self._socket.ping())
