"""A session as threads see it: typed events out, typed events in, every wait with a limit of the caller's."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from duologue.client.accent import Accent
from duologue.client.conduct import FLUSH_S, new_id
from duologue.client.connection import QUEUE_EVENTS
from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, LocalProtocolError
from duologue.events import AnySession, ErrorEvent, RealtimeEvent
from duologue.protocol import ClientProtocol
from duologue.transports.blocking import BlockingTransport
from duologue.transports.monitor import Monitor

__all__ = ["BlockingConnection"]

_logger = logging.getLogger(__name__)

_ABNORMAL_CLOSURE: Final = 1006
_INTERNAL_ERROR: Final = 1011

_JOIN_S: Final = 5.0
"""A transport lets go of its sender when it is closed; one that has not by then never will."""


class BlockingConnection:
    """An open session. Made by `duologue.blocking.connect`; one thread may receive and any number may send.

    Events are written by a thread of the connection's own: whoever sends waits for a place in its queue and not for
    the socket, and Ctrl-C never leaves half a message on the wire.
    """

    def __init__(self, transport: BlockingTransport, *, dialect: str = "openai", accent: Accent | None = None) -> None:
        self._transport = transport
        self._accent = accent if accent is not None else Accent(dialect)
        self._protocol = ClientProtocol(dialect=self._accent.dialect, new_id=new_id)
        self._outgoing: deque[str] = deque()
        self._shared = Monitor()
        """Around what waits to be sent and the two ends, of the session and of the writer."""
        self._receiving = threading.Lock()
        self._over: ConnectionClosed | None = None
        self._closed: ConnectionClosed | None = None
        self._stopped = False
        self._writer = threading.Thread(target=self._write, name="duologue-writer", daemon=True)

    @property
    def dialect(self) -> str:
        """The dialect that is read and written; with "auto" the server's first frames may change it."""
        return self._accent.dialect

    @property
    def is_dialect_settled(self) -> bool:
        """Whether it is known how the server speaks."""
        return self._accent.is_settled

    @property
    def session(self) -> AnySession | None:
        """The session as the server last told it; None before `session.created` was read."""
        return self._protocol.session

    @property
    def last_error(self) -> ErrorEvent | None:
        """The last `error` event that was read."""
        return self._protocol.last_error

    def send(self, event: RealtimeEvent, *, timeout_s: float | None = None) -> None:
        """Send an event; waits while the server is slow. Events of one thread go out in the order of its calls.

        Raises:
            ConnectionClosed: the session is over.
            LocalProtocolError: only servers send such an event.
            TimeoutError: the server was too slow; nothing was sent.
        """
        self._raise_if_over()
        message = self._protocol.send(event)
        self._queue(message, timeout_s)

    def append(self, audio: bytes, *, timeout_s: float | None = None) -> None:
        """Append input audio, in the session's input format, of any length; waits while the server is slow.

        Sends what `send(InputAudioBufferAppendEvent.from_audio(audio))` does, at less cost. Never acknowledged.

        Raises:
            ConnectionClosed: the session is over.
            TimeoutError: the server was too slow; nothing was sent.
        """
        self._raise_if_over()
        message = self._protocol.append(audio)
        self._queue(message, timeout_s)

    def receive(self, *, timeout_s: float | None = None) -> RealtimeEvent:
        """The next event, in the order in which the server sent it.

        Raises:
            ConnectionClosed: the session is over, and every event before its end has been returned.
            LocalProtocolError: another thread receives.
            TimeoutError: nothing came in time; the session goes on.
        """
        if not self._receiving.acquire(blocking=False):
            raise LocalProtocolError("another thread receives from this connection")
        try:
            if self._closed is not None:
                raise self._closed.with_traceback(None)
            return self._receive(timeout_s)
        finally:
            self._receiving.release()

    def __iter__(self) -> Iterator[RealtimeEvent]:
        """Events until the session is over.

        Raises:
            ConnectionClosedError: it did not end as agreed.
        """
        while True:
            try:
                event = self.receive()
            except ConnectionClosedOK:
                return
            yield event

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session: send what is waiting, then close. Takes 6 seconds at most; closing twice is fine."""
        with self._shared.lock:
            self._over = self._over or ConnectionClosedOK(code, reason)
            self._shared.changed()
        self._shared.when(lambda: self._stopped or not self._outgoing, FLUSH_S)
        self._transport.close(code, reason)

    # --- for whoever holds the connection

    def start(self) -> None:
        """Start the thread that writes; `stop` ends it."""
        self._writer.start()

    def stop(self) -> None:
        """Close at once, sending nothing more, and wait until the thread is gone."""
        with self._shared.lock:
            self._stopped = True
            self._over = self._over or ConnectionClosedOK(1000)
            self._shared.changed()
        try:
            self._transport.close()
        finally:
            # Not if an interrupt came while it was being started: then it ends as soon as it begins.
            if self._writer.is_alive():
                self._writer.join(_JOIN_S)
            if self._writer.is_alive():
                _logger.warning("the transport does not let go of the thread that writes")

    def wait_for_room(self, *, timeout_s: float | None = None) -> None:
        """Wait until an event can be sent without waiting, or the session is over.

        Raises:
            TimeoutError: the server was too slow.
        """
        self._wait_for(self._has_room, timeout_s)

    def put(self, event: RealtimeEvent) -> None:
        """Send without waiting for room: for the few events of one who must go on reading. Raises as `send` does."""
        self._raise_if_over()
        message = self._protocol.send(event)
        with self._shared.lock:
            self._add(message)

    # --- reading and writing

    def _receive(self, timeout_s: float | None) -> RealtimeEvent:
        try:
            message = self._transport.receive(timeout_s=timeout_s)
        except TimeoutError:
            raise
        except ConnectionClosed as closed:
            raise self._end(self._protocol.closed(closed.code, closed.reason)) from closed
        except Exception as fault:
            # A transport of somebody else's: its next message would never come.
            raise self._end(self._protocol.closed(_ABNORMAL_CLOSURE, f"the transport broke: {fault}")) from fault
        if not self._accent.is_settled:
            self._accent.hear(message)
            self._protocol.dialect = self._accent.dialect
        return self._protocol.receive(message)

    def _end(self, closed: ConnectionClosed) -> ConnectionClosed:
        self._closed = closed
        self._lose(closed)
        return closed

    def _queue(self, message: str, timeout_s: float | None) -> None:
        self._wait_for(lambda: self._has_room() and self._add(message), timeout_s)

    def _wait_for(self, attempt: Callable[[], bool], timeout_s: float | None) -> None:
        if not self._shared.when(attempt, timeout_s):
            raise TimeoutError(f"the server took nothing for {timeout_s:g} s")

    def _has_room(self) -> bool:
        return self._over is not None or len(self._outgoing) < QUEUE_EVENTS

    def _add(self, message: str) -> bool:
        self._raise_if_over()
        self._outgoing.append(message)
        self._shared.changed()
        return True

    def _raise_if_over(self) -> None:
        over = self._closed or self._over
        if over is not None:
            raise over.with_traceback(None)

    def _write(self) -> None:
        while (message := self._next_message()) is not None:
            try:
                self._transport.send(message)
            except ConnectionClosed as closed:
                self._lose(closed)
                return
            except Exception as fault:
                _logger.exception("the transport broke while sending")
                self._lose(ConnectionClosedError(_INTERNAL_ERROR, f"the transport broke: {fault}"))
                self._transport.close(_INTERNAL_ERROR, "cannot send")
                return
            with self._shared.lock:
                if self._outgoing:  # unless the session ended meanwhile
                    self._outgoing.popleft()
                self._shared.changed()

    def _next_message(self) -> str | None:
        """What is to be sent next; it stays in the queue until it is, so that an empty queue means that all is."""
        self._shared.when(lambda: self._stopped or bool(self._outgoing))
        with self._shared.lock:
            return None if self._stopped else self._outgoing[0]

    def _lose(self, closed: ConnectionClosed) -> None:
        """Nothing can be sent any more: nobody is to wait for a place in the queue, or for its end."""
        with self._shared.lock:
            self._over = self._over or closed
            self._stopped = True
            self._outgoing.clear()
            self._shared.changed()
