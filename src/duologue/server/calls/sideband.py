"""A WebSocket to the session of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from duologue.server.calls.served_call import MAX_SIDEBANDS, ServedCall
from duologue.server.rejections import Rejection
from duologue.server.telemetry.observer import UNOBSERVED, Observer
from duologue.transports import Transport

__all__ = ["CallSideband"]

_GOING_AWAY: Final = 1001
_UNKNOWN: Final = 1005


class CallSideband:
    """Sees the session's events without audio, and may send what the peer may send. Ends with its call; the call goes
    on without it."""

    def __init__(
        self,
        call: ServedCall,
        transport: Transport,
        *,
        new_id: Callable[[str], str],
        observer: Observer | None = None,
    ) -> None:
        """Raises Rejection: the call has as many as it may have."""
        if call.transport.n_sidebands >= MAX_SIDEBANDS:
            raise Rejection("sidebands", max=MAX_SIDEBANDS)
        self._call = call
        self._transport = transport
        self._observer = (
            observer.opened(new_id("sideband"), kind="call-sideband") if observer is not None else UNOBSERVED
        )
        self._attached: asyncio.Task[None] | None = None
        self._is_stopped = False

    async def run(self) -> None:
        """Serve until the sideband disconnects or the call is over. Cancelling ends it at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._attached = tasks.create_task(self._call.transport.attach(self._transport))
                if self._is_stopped:
                    self._attached.cancel()
        finally:
            self._attached = None
            self._observer.closed(_GOING_AWAY if self._is_stopped else _UNKNOWN)
            await self._transport.close(_GOING_AWAY, "the server is going away")

    def drain(self) -> None:
        """Nothing to do: the sideband ends when its call has ended."""

    def stop(self) -> None:
        """End now."""
        self._is_stopped = True
        if self._attached is not None:
            self._attached.cancel()
