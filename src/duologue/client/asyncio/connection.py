"""A session as an application sees it: typed events out, typed events in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from duologue.client.dialect_detection import DialectDetector
from duologue.client.limits import FLUSH_S, MAX_QUEUED_EVENTS
from duologue.client.messages import new_id
from duologue.errors import ConnectionClosed, ConnectionClosedOK
from duologue.events import AnySession, ErrorEvent, RealtimeEvent
from duologue.protocol import ClientProtocol
from duologue.transports import Transport

__all__ = ["Connection"]

_logger = logging.getLogger(__name__)

# Close codes: RFC 6455, section 7.4.1.
_ABNORMAL_CLOSURE: Final = 1006
_INTERNAL_ERROR: Final = 1011


class Connection:
    """An open session. Made by `duologue.connect`; one task may receive and any number may send.

    `send` and `receive` may be cancelled: no event is lost, and none is sent in part.
    """

    def __init__(
        self, transport: Transport, *, dialect: str = "openai", detector: DialectDetector | None = None
    ) -> None:
        self._transport = transport
        self._detector = detector if detector is not None else DialectDetector(dialect)
        self._protocol = ClientProtocol(dialect=self._detector.dialect, new_id=new_id)
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._emptied = asyncio.Event()
        """Set when a message has left the queue, so that senders that wait look again."""
        self._incoming: asyncio.Queue[RealtimeEvent | ConnectionClosed] = asyncio.Queue(MAX_QUEUED_EVENTS)
        self._deliver: Callable[[RealtimeEvent | ConnectionClosed], Coroutine[Any, Any, None]] = self._incoming.put
        self._closed: ConnectionClosed | None = None
        self._closing: ConnectionClosed | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def dialect(self) -> str:
        """The dialect that is read and written; with "auto" the server's first frames may change it."""
        return self._detector.dialect

    @property
    def is_dialect_settled(self) -> bool:
        """Whether the server's dialect is known."""
        return self._detector.is_settled

    @property
    def session(self) -> AnySession | None:
        """The session as the server last reported it; None before `session.created` was read."""
        return self._protocol.session

    @property
    def last_error(self) -> ErrorEvent | None:
        """The last `error` event that was read."""
        return self._protocol.last_error

    async def send(self, event: RealtimeEvent) -> None:
        """Send an event; waits while the server is slow. Events go out in the order of the calls.

        Raises:
            ConnectionClosed: the session is over.
            LocalProtocolError: only servers send such an event.
        """
        await self.queue(self.message(event))

    async def append(self, audio: bytes) -> None:
        """Append input audio, in the session's input format, of any length; waits while the server is slow.

        Sends what `send(InputAudioBufferAppendEvent.from_audio(audio))` does, at less cost. Never acknowledged.

        Raises:
            ConnectionClosed: the session is over.
        """
        await self.queue(self.audio_message(audio))

    async def receive(self, *, timeout: float | None = None) -> RealtimeEvent:
        """The next event, in the order in which the server sent it. `timeout` is in seconds; None: no limit.

        Raises:
            ConnectionClosed: the session is over, and every event before its end has been returned.
            TimeoutError: no event came in time; the session goes on.
        """
        if timeout is None:
            event = await self._incoming.get()
        else:
            async with asyncio.timeout(timeout):
                event = await self._incoming.get()
        if isinstance(event, ConnectionClosed):
            self._incoming.put_nowait(event)  # for the next call, which must get it too
            raise event.with_traceback(None)
        return event

    async def __aiter__(self) -> AsyncIterator[RealtimeEvent]:
        """Events until the session is over.

        Raises:
            ConnectionClosedError: it ended with an error, or without a close.
        """
        while True:
            try:
                event = await self.receive()
            except ConnectionClosedOK:
                return
            yield event

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session: send what is waiting, then close. Takes 5 seconds at most; closing twice is fine."""
        if self._closed is None and self._closing is None:
            self._closing = ConnectionClosedOK(code, reason)
            # A server that reads nothing gets the close without the rest.
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._outgoing.join()
        await self._transport.close(code, reason)

    def _raise_if_over(self) -> None:
        over = self._closed or self._closing
        if over is not None:
            # Each raise would lengthen the traceback of the last.
            raise over.with_traceback(None)

    # --- the parts of `send`, for callers on other threads

    @property
    def free_slots(self) -> int:
        """How many messages can be queued without waiting. Safe on any thread."""
        return MAX_QUEUED_EVENTS - self._outgoing.qsize()

    def message(self, event: RealtimeEvent) -> str:
        """The text that sends an event. Safe on any thread. Raises as `send` does."""
        self._raise_if_over()
        return self._protocol.send(event)

    def audio_message(self, audio: bytes) -> str:
        """The text that sends input audio. Safe on any thread. Raises as `append` does."""
        self._raise_if_over()
        return self._protocol.append(audio)

    async def queue(self, message: str) -> None:
        """Queue a message; waits for a free slot."""
        while self.free_slots <= 0:
            self._emptied.clear()
            await self._emptied.wait()
        self.put(message)

    def put(self, message: str) -> None:
        """Queue a message without waiting for a free slot."""
        self._outgoing.put_nowait(message)

    def deliver_to(self, put: Callable[[RealtimeEvent | ConnectionClosed], Coroutine[Any, Any, None]]) -> None:
        """Give events, and the end, to `put` instead of `receive`. Only before the event loop's next turn."""
        assert self._incoming.empty()
        self._deliver = put

    # --- the two tasks

    def start(self) -> None:
        """Start reading and writing; `stop` ends it."""
        # Not a TaskGroup: it would wrap what the application raises inside `async with connect(...)`.
        self._tasks = [asyncio.ensure_future(work) for work in (self._read(), self._write())]  # noqa: TID251

    async def stop(self) -> None:
        """Close at once, and wait until both tasks are gone."""
        try:
            await self._transport.close()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self) -> None:
        while self._closed is None:
            try:
                message = await self._transport.receive()
            except ConnectionClosed as closed:
                self._closed = self._protocol.closed(closed.code, closed.reason)
            except Exception as fault:
                # Any transport can be passed in: without this the application would wait for ever on a broken one.
                self._closed = self._broke(_ABNORMAL_CLOSURE, "the transport broke", fault)
            else:
                try:
                    event = self._event(message)
                except Exception as fault:  # a fault of this library: likewise
                    self._closed = self._broke(_INTERNAL_ERROR, "a message cannot be read", fault)
                else:
                    await self._deliver(event)
        await self._deliver(self._closed)

    def _event(self, message: str | bytes) -> RealtimeEvent:
        if not self._detector.is_settled:
            self._detector.observe(message)
            self._protocol.dialect = self._detector.dialect
        return self._protocol.receive(message)

    def _broke(self, code: int, what: str, fault: Exception) -> ConnectionClosed:
        closed = self._protocol.closed(code, f"{what}: {fault}")
        closed.__cause__ = fault
        return closed

    async def _write(self) -> None:
        while True:
            message = await self._outgoing.get()
            self._emptied.set()
            try:
                await self._transport.send(message)
            except ConnectionClosed:
                # Keep emptying the queue, so that no sender waits for ever for a free slot.
                pass
            except Exception:
                _logger.exception("the transport broke while sending")
                await self._transport.close(_INTERNAL_ERROR, "cannot send")
            finally:
                self._outgoing.task_done()
