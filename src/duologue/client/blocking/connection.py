"""A session for threads: typed events out, typed events in, every wait with a timeout of the caller's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from duologue.client.asyncio.connection import Connection
from duologue.client.blocking.loop_thread import SLOW_SERVER, LoopThread
from duologue.client.blocking.received import Received
from duologue.client.mappings import EventInput, SessionInput, to_session
from duologue.client.verbs import (
    ConversationVerbs,
    InputAudioBufferVerbs,
    OutputAudioBufferVerbs,
    ResponseVerbs,
)
from duologue.errors import ConnectionClosed, ConnectionClosedOK, LocalProtocolError
from duologue.events import AnySession, ErrorEvent, ReceivedEvent, SessionUpdateEvent
from duologue.tracebacks import anew

__all__ = ["BlockingConnection"]


class BlockingConnection:
    """An open session. Made by `duologue.blocking.connect`; one thread may receive and any number may send.

    A `Connection` reads and writes on the event loop of a thread of its own, so Ctrl-C never sends a message in part.
    Each `timeout` is in seconds; None: no limit.
    """

    def __init__(self, connection: Connection, received: Received, loop: LoopThread[Connection]) -> None:
        self._connection = connection
        self._received = received
        self._loop = loop
        self._receiver: int | None = None
        """The thread that receives."""

    def __repr__(self) -> str:
        return f"<Blocking{repr(self._connection).removeprefix('<')}"

    @property
    def session_id(self) -> str | None:
        """The id of the session; None before `session.created` was read, and where the server gives none."""
        return self._connection.session_id

    @property
    def call_id(self) -> str | None:
        """The server's id of the call that this is, or that it has joined; None over a WebSocket of its own."""
        return self._connection.call_id

    @property
    def dialect(self) -> str:
        """The dialect that is read and written; with "auto" the server's first frames may change it."""
        return self._connection.dialect

    @property
    def is_dialect_settled(self) -> bool:
        """Whether the server's dialect is known."""
        return self._connection.is_dialect_settled

    @property
    def session(self) -> AnySession | None:
        """The session as the server last reported it; None before `session.created` was read."""
        return self._connection.session

    @property
    def last_error(self) -> ErrorEvent | None:
        """The last `error` event that was read."""
        return self._connection.last_error

    def send(self, event: EventInput, *, timeout: float | None = None) -> None:
        """Send an event, or a mapping of one; waits while the server is slow.

        Events of one thread go out in the order of its calls.

        Raises:
            ConnectionClosed: the session is over.
            LocalProtocolError: only servers send such an event, or the mapping is none; the message names the place.
            TimeoutError: the server was too slow; nothing was sent.
        """
        self._send(self._connection.messages(event), timeout)

    def append(self, audio: bytes, *, timeout: float | None = None) -> None:
        """Append input audio, in the session's input format, of any length; waits while the server is slow.

        Sends what `send(InputAudioBufferAppendEvent.from_audio(audio))` does, at less cost. Never acknowledged.

        Raises:
            ConnectionClosed: the session is over.
            TimeoutError: the server was too slow; nothing was sent.
        """
        self._send(self._connection.audio_messages(audio), timeout)

    def update_session(self, session: SessionInput, *, timeout: float | None = None) -> None:
        """Change the session; a mapping is taken too. The answer comes as an event. Raises as `send` does."""
        self.send(SessionUpdateEvent(session=to_session(session)), timeout=timeout)

    def receive(self, *, timeout: float | None = None) -> ReceivedEvent:
        """The next event, in the order in which the server sent it. KeyboardInterrupt loses one at most.

        Raises:
            ConnectionClosed: the session is over, and every event before its end has been returned.
            LocalProtocolError: another thread receives.
            TimeoutError: no event came in time; the session goes on.
        """
        thread = threading.get_ident()
        if self._receiver not in (None, thread):
            raise LocalProtocolError("another thread receives from this connection")
        try:
            self._receiver = thread
            event = self._received.get(timeout, self._loop)
        finally:
            self._receiver = None
        if isinstance(event, ConnectionClosed):
            raise anew(event)
        return event

    def __iter__(self) -> Iterator[ReceivedEvent]:
        """Events until the session is over.

        Raises:
            ConnectionClosedError: it ended with an error, or without a close.
        """
        while True:
            try:
                event = self.receive()
            except ConnectionClosedOK:
                return
            yield event

    # --- single events, by the names of the official SDKs

    @property
    def response(self) -> ResponseVerbs[None]:
        """`response.create` and `response.cancel`; each sends as `send` does."""
        return ResponseVerbs(self.send)

    @property
    def input_audio_buffer(self) -> InputAudioBufferVerbs[None]:
        """`input_audio_buffer.append`, `.commit` and `.clear`; each sends as `send` does."""
        return InputAudioBufferVerbs(self.send)

    @property
    def output_audio_buffer(self) -> OutputAudioBufferVerbs[None]:
        """`output_audio_buffer.clear`; it sends as `send` does."""
        return OutputAudioBufferVerbs(self.send)

    @property
    def conversation(self) -> ConversationVerbs[None]:
        """`conversation.item.create`, `.delete`, `.retrieve` and `.truncate`; each sends as `send` does."""
        return ConversationVerbs(self.send)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session: send what is waiting, then close. Takes 5 seconds at most; closing twice is fine."""
        with suppress(ConnectionClosedOK):  # leaving the block has closed it
            self._loop.call(partial(self._connection.close, code, reason))

    def _send(self, messages: Sequence[str], timeout: float | None) -> None:
        # Only without a free slot does the caller wait for the loop: with one, queueing cannot fail.
        has_free_slot = self._connection.free_slots > self._loop.n_handed_over
        if not (has_free_slot and self._loop.hand_over(partial(self._connection.put, messages))):
            self._loop.call(partial(self._connection.queue, messages), timeout, late=SLOW_SERVER)
