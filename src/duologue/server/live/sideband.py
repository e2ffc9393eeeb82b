"""A sideband: a second connection to an open session, which sees its events and may send commands, without audio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from duologue.errors import ConnectionClosed
from duologue.protocol import Close
from duologue.server.budget import Share
from duologue.server.ids import new_id
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.session.send_queue import SendQueue
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import UNOBSERVED, Observer
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport

__all__ = ["GOING_AWAY", "OVER", "AttachedTo", "Sideband"]

GOING_AWAY: Final = Close(1001, "the server is going away")

OVER: Final = Close(1000, "the session is over")

_CATCH_UP_S: Final = 5.0
"""For a sideband with a backlog to take it. A recording that the client sends at once comes with as much output, in one
turn of the event loop, in which no sideband can read."""

_MAX_BACKLOGS: Final = 4
"""The most that such a burst makes, in backlogs: half a minute of sound in both directions."""


class AttachedTo(Protocol):
    """The session of a sideband."""

    def attach(self, sideband: Sideband, /) -> None:
        """Send the sideband what belongs at its beginning, and then all events."""
        ...

    async def turn(self) -> None:
        """Wait until others had their turn."""
        ...

    def detach(self, sideband: Sideband, /) -> None:
        """Send it nothing more."""
        ...

    async def receive(self, message: str | bytes, /, *, source: str) -> None:
        """Take a message of the sideband with this id; returns when it has been carried out."""
        ...


class Sideband:
    """Serves one sideband. It ends with its session; the session does not wait for it, and goes on without it."""

    def __init__(
        self,
        transport: Transport,
        session: AttachedTo,
        *,
        limits: Limits,
        observer: Observer | None = None,
        share: Share | None = None,
        new_id: Callable[[str], str] = new_id,
    ) -> None:
        """`share` counts what waits to be sent, and is closed with the sideband."""
        self.sideband_id: str = new_id("sideband")
        self._transport = transport
        self._session = session
        self._stall_s = limits.stall_s
        self._share = share
        charge = share.charge if share is not None else None
        self._queue = SendQueue(max_waiting_bytes=limits.backlog_bytes, stall_s=limits.stall_s, charge=charge)
        self._observer = observer.opened(self.sideband_id, kind="live-sideband") if observer is not None else UNOBSERVED
        self._reading: asyncio.Task[int] | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._behind: asyncio.TimerHandle | None = None
        self._max_waiting_bytes = _MAX_BACKLOGS * limits.backlog_bytes
        self._close_with: Close | None = None

    async def run(self) -> None:
        """Serve until the client disconnects or the session is over. Cancelling ends it at once."""
        code = 1005
        try:
            code = await self._serve()
            if self._close_with is not None:
                code = self._close_with.code
                await self._transport.close(code, self._close_with.reason)
        except asyncio.CancelledError as end:
            code = GOING_AWAY.code
            await self._transport.close(code, GOING_AWAY.reason)
            drop_traceback(end)
            raise
        except Exception as fault:
            code = 1011
            log_event(logging.ERROR, "sideband broke", fault=fault, session=self.sideband_id)
            drop_traceback(fault)
            await self._transport.close(code, "internal error")
        finally:
            for timer in (self._overdue, self._behind):
                if timer is not None:
                    timer.cancel()
            self._observer.closed(code)
            if self._share is not None:
                self._share.close()
            self._reading = None

    def put(self, text: str) -> None:
        """Send a message. A client that is too far behind is cut: the session must not wait for it."""
        if self._queue.waiting_bytes > self._max_waiting_bytes:
            self._cut()
            return
        self._queue.put(text)
        if self._queue.is_full and self._behind is None:
            self._behind = asyncio.get_running_loop().call_later(_CATCH_UP_S, self._look_behind)

    def finish(self, close: Close = OVER) -> None:
        """The session is over: close behind the messages that wait, which may take as long as a stalled client may."""
        if self._overdue is None:
            self._queue.put(close)
            self._overdue = asyncio.get_running_loop().call_later(self._stall_s, self.stop, close)

    def drain(self) -> None:
        """Nothing to do: the sideband ends when its session has ended."""

    def _look_behind(self) -> None:
        self._behind = None
        if self._queue.is_full:
            self._cut()

    def _cut(self) -> None:
        stalled = Rejection("stalled", seconds=_CATCH_UP_S)
        self.stop(Close(stalled.close_code, stalled.close_reason))

    def stop(self, close: Close = GOING_AWAY) -> None:
        """End now, with this close; later calls change nothing."""
        self._close_with = self._close_with or close
        if self._reading is not None:
            self._reading.cancel()

    async def _serve(self) -> int:
        """Returns the close code."""
        async with asyncio.TaskGroup() as tasks:
            reading, writing = tasks.create_task(self._read()), tasks.create_task(self._write())
            self._reading = reading
            await self._session.turn()  # the session's settings, which it gets first, may be large
            self._session.attach(self)
            if self._close_with is not None:
                reading.cancel()
            try:
                await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._session.detach(self)
                for task in (reading, writing):
                    task.cancel()
        return next((task.result() for task in (reading, writing) if not task.cancelled()), 1005)

    async def _read(self) -> int:
        while True:
            try:
                message = await self._transport.receive()
            except ConnectionClosed as closed:
                return closed.code
            self._observer.received(len(message), 0)
            await self._session.receive(message, source=self.sideband_id)
            del message

    async def _write(self) -> int:
        return await self._queue.write_to(self._transport, session_id=self.sideband_id)
