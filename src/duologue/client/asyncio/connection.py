"""A session as an application sees it: typed events out, typed events in."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from duologue.client.dialect_detection import DialectDetector
from duologue.client.event_reader import MessageReader
from duologue.client.limits import FLUSH_S, MAX_QUEUED_EVENTS
from duologue.client.logs.connection_log import ConnectionLog, session_id_of
from duologue.client.mappings import EventInput, SessionInput, to_event, to_session
from duologue.client.messages import new_id
from duologue.client.verbs import (
    ConversationVerbs,
    InputAudioBufferVerbs,
    OutputAudioBufferVerbs,
    ResponseVerbs,
)
from duologue.dialects import PROFILES
from duologue.dialects.utterance import UtteranceProfile
from duologue.errors import ConnectionClosed, ConnectionClosedOK
from duologue.events import (
    AnySession,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    ReceivedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    is_set,
)
from duologue.protocol import ClientProtocol
from duologue.protocol.utterance_commands import UtteranceCommands
from duologue.tracebacks import anew, drop_frames_of
from duologue.transports import Transport
from duologue.transports.wire_log import WIRE, log_frame

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
        self,
        transport: Transport,
        *,
        dialect: str = "openai",
        detector: DialectDetector | None = None,
        place: str | None = None,
        model: str | None = None,
        call_id: str | None = None,
    ) -> None:
        """`place` is the URL without secrets, for the log and the repr; None: the kind of transport. `model` is for
        dialects in which the first command names it.
        """
        self._transport = transport
        self._send_now: Callable[[str], bool] | None = getattr(transport, "send_now", None)
        self._log = ConnectionLog(place if place is not None else f"a {type(transport).__name__}")
        self.model = model
        self._played: Callable[[], Coroutine[Any, Any, None]] | None = getattr(transport, "played", None)
        self._call_id = call_id
        self._detector = detector if detector is not None else DialectDetector(dialect)
        self._protocol = ClientProtocol(
            dialect=self._detector.dialect, new_id=new_id, read=MessageReader(self._detector).read
        )
        self._utterances = UtteranceCommands()
        self._sending = threading.Lock()
        """Held while events are turned into messages: threads may do that at once."""
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._emptied = asyncio.Event()
        """Set when a message has left the queue, so that senders that wait look again."""
        self._is_writing = False
        """Whether the writer has taken a message from the queue that is not sent."""
        self._incoming: asyncio.Queue[ReceivedEvent | ConnectionClosed] = asyncio.Queue(MAX_QUEUED_EVENTS)
        self._deliver: Callable[[ReceivedEvent | ConnectionClosed], Coroutine[Any, Any, None]] = self._incoming.put
        self._closed: ConnectionClosed | None = None
        self._closing: ConnectionClosed | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        """Those that run: one that has ended is kept by nothing, because its exception refers to this object."""

    def __repr__(self) -> str:
        over = self._closed or self._closing
        state = "open" if over is None else f"closed with code {over.code}"
        session = self.session_id or "none yet"
        return f"<Connection to {self._log.place}, {state}, dialect {self.dialect}, session {session!r}>"

    @property
    def session_id(self) -> str | None:
        """The id of the session; None before `session.created` was read, and where the server gives none."""
        return session_id_of(self._protocol.session)

    @property
    def call_id(self) -> str | None:
        """The server's id of the call that this is, or that it has joined; None over a WebSocket of its own."""
        return self._call_id

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

    async def send(self, event: EventInput) -> None:
        """Send an event, or a mapping of one; waits while the server is slow. Events go out in the order of the calls.

        Raises:
            ConnectionClosed: the session is over.
            LocalProtocolError: only servers send such an event, or the mapping is none; the message names the place.
        """
        await self.queue(self.messages(event))

    async def append(self, audio: bytes) -> None:
        """Append input audio, in the session's input format, of any length; waits while the server is slow.

        Sends what `send(InputAudioBufferAppendEvent.from_audio(audio))` does, at less cost. Never acknowledged.

        Raises:
            ConnectionClosed: the session is over.
        """
        await self.queue(self.audio_messages(audio))

    async def update_session(self, session: SessionInput) -> None:
        """Change the session; a mapping is taken too. The answer comes as an event. Raises as `send` does."""
        await self.send(SessionUpdateEvent(session=to_session(session)))

    async def receive(self, *, timeout: float | None = None) -> ReceivedEvent:
        """The next event, in the order in which the server sent it. `timeout` is in seconds; None: no limit.

        Raises:
            ConnectionClosed: the session is over, and every event before its end has been returned.
            TimeoutError: no event came in time; the session goes on.
        """
        if timeout is None or not self._incoming.empty():  # a timer costs more than the event
            event = await self._incoming.get()
        else:
            async with asyncio.timeout(timeout):
                event = await self._incoming.get()
        if isinstance(event, ConnectionClosed):
            self._incoming.put_nowait(event)  # for the next call, which must get it too
            raise anew(event)
        return event

    async def __aiter__(self) -> AsyncIterator[ReceivedEvent]:
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

    # --- single events, by the names of the official SDKs

    @property
    def response(self) -> ResponseVerbs[Coroutine[Any, Any, None]]:
        """`response.create` and `response.cancel`; each sends as `send` does."""
        return ResponseVerbs(self.send)

    @property
    def input_audio_buffer(self) -> InputAudioBufferVerbs[Coroutine[Any, Any, None]]:
        """`input_audio_buffer.append`, `.commit` and `.clear`; each sends as `send` does."""
        return InputAudioBufferVerbs(self.send)

    @property
    def output_audio_buffer(self) -> OutputAudioBufferVerbs[Coroutine[Any, Any, None]]:
        """`output_audio_buffer.clear`; it sends as `send` does."""
        return OutputAudioBufferVerbs(self.send)

    @property
    def conversation(self) -> ConversationVerbs[Coroutine[Any, Any, None]]:
        """`conversation.item.create`, `.delete`, `.retrieve` and `.truncate`; each sends as `send` does."""
        return ConversationVerbs(self.send)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session: send what is waiting, then close. Takes 5 seconds at most; closing twice is fine."""
        if self._closed is None and self._closing is None:
            self._closing = ConnectionClosedOK(code, reason)
            # A server that reads nothing gets the close without the rest.
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._outgoing.join()
        await self._transport.close(code, reason)

    async def played(self) -> None:
        """Wait until the audio that was sent has been heard, on a call, where it is played at the speed of sound.

        Over a WebSocket, where it is not, this returns at once.

        Raises:
            ConnectionClosed: the session is over.
        """
        if self._played is not None:
            await self._outgoing.join()
            await self._played()

    def _raise_if_over(self) -> None:
        over = self._closed or self._closing
        if over is not None:
            raise anew(over)

    # --- the parts of `send`, for callers on other threads

    @property
    def free_slots(self) -> int:
        """How many messages can be queued without waiting. Safe on any thread."""
        return MAX_QUEUED_EVENTS - self._outgoing.qsize()

    def messages(self, event: EventInput) -> list[str]:
        """The texts that send an event, with what the dialect wants before it. Safe on any thread. Raises as `send`."""
        self._raise_if_over()
        with self._sending:
            return [self._protocol.send(each) for each in self._utterances.outgoing(to_event(event))]

    def audio_messages(self, audio: bytes) -> list[str]:
        """The texts that send input audio. Safe on any thread. Raises as `append` does."""
        self._raise_if_over()
        if self._utterances.passes_audio:
            return [self._protocol.append(audio)]
        return self.messages(InputAudioBufferAppendEvent.from_audio(audio))

    async def queue(self, messages: Sequence[str]) -> None:
        """Queue messages; waits for a free slot."""
        while self.free_slots <= 0:
            self._emptied.clear()
            await self._emptied.wait()
        self.put(messages)

    def put(self, messages: Sequence[str]) -> None:
        """Queue messages without waiting for a free slot."""
        for message in messages:
            self._outgoing.put_nowait(message)

    def append_now(self, audio: bytes) -> bool:
        """Append input audio without the queue and its task, where nothing waits in it and the transport can do that.

        False: nothing was sent.
        """
        send_now = self._send_now
        if send_now is None or self._is_writing or not self._outgoing.empty() or not self._utterances.passes_audio:
            return False
        if self._closed is not None or self._closing is not None or WIRE.isEnabledFor(logging.DEBUG):
            return False
        return send_now(self._protocol.append(audio))

    # --- the order that the dialect wants

    @property
    def utterance(self) -> UtteranceProfile:
        """How an utterance begins and ends in the dialect."""
        return PROFILES[self.dialect].utterance

    @property
    def lacks_model(self) -> bool:
        """Whether the server wants to know the model before any speech, and it is not known here."""
        return self._utterances.lacks_model

    @property
    def awaits_settings(self) -> bool:
        """Whether the server has not told its session yet, or the answer to the last `session.update` is missing."""
        if SessionUpdatedEvent.type in PROFILES[self.dialect].lacks_events:
            return False
        return self._protocol.session is None or self._protocol.unanswered_update is not None

    @property
    def is_speech_told(self) -> bool:
        """Whether no utterance is open or being transcribed, in a dialect in which each has one final transcript."""
        return self._utterances.is_told

    def end_utterance(self) -> None:
        """End the utterance that is open, if one is, in a dialect in which each has a beginning."""
        with self._sending:
            self.put([self._protocol.send(event) for event in self._utterances.end()])

    def _use_dialect(self) -> None:
        """The dialect is known, or another one: send what it wants first."""
        self._protocol.dialect = self._detector.dialect
        with self._sending:
            self._utterances = UtteranceCommands(self.utterance, model=self.model)
            self.put([self._protocol.send(event) for event in self._utterances.first()])

    def pass_through(self, wrap: Callable[[Transport], Transport]) -> None:
        """Have every message pass another transport, around the present one. Only before the event loop's next turn."""
        self._transport = wrap(self._transport)
        self._send_now = getattr(self._transport, "send_now", None)

    def deliver_to(self, put: Callable[[ReceivedEvent | ConnectionClosed], Coroutine[Any, Any, None]]) -> None:
        """Give events, and the end, to `put` instead of `receive`. Only before the event loop's next turn."""
        assert self._incoming.empty()
        self._deliver = put

    # --- the two tasks

    def start(self) -> None:
        """Start reading and writing; `stop` ends it."""
        self._use_dialect()
        # Not a TaskGroup: it would wrap what the application raises inside `async with connect(...)`.
        self._tasks = {asyncio.ensure_future(work) for work in (self._read(), self._write())}  # noqa: TID251
        for task in self._tasks:
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Close at once, and wait until both tasks are gone."""
        if self._closed is None and self._closing is None:
            self._closing = ConnectionClosedOK(1000)
        try:
            await self._transport.close()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            over = self._closed or self._closing
            assert over is not None
            self._log_closed(over, by="this side")

    async def _read(self) -> None:
        while self._closed is None:
            try:
                message = await self._transport.receive()
            except ConnectionClosed as closed:
                await self._end(self._protocol.closed(closed.code, closed.reason))
            except Exception as fault:
                # Any transport can be passed in: without this the application would wait for ever on a broken one.
                await self._end(self._broken(_ABNORMAL_CLOSURE, "the transport broke", fault))
            else:
                try:
                    event = self._event(message)
                except Exception as fault:  # a fault of this library: likewise
                    await self._end(self._broken(_INTERNAL_ERROR, "a message cannot be read", fault))
                else:
                    if not (isinstance(event, ErrorEvent) and self._is_retried(event)):
                        await self._deliver(event)

    def _event(self, message: str | bytes) -> ReceivedEvent:
        if not self._detector.is_settled:
            self._detector.observe(message)
            if self._detector.dialect != self._protocol.dialect:
                self._use_dialect()
        if WIRE.isEnabledFor(logging.DEBUG):
            log_frame("received", message, session=self.session_id)
        had_session = self._protocol.session is not None
        event = self._protocol.receive(message)
        if not had_session and self._protocol.session is not None:
            self._log.session_began(self.session_id, self.dialect)
        if not self._utterances.passes:
            with self._sending:
                self.put([self._protocol.send(each) for each in self._utterances.received(event)])
        return event

    def _broken(self, code: int, what: str, fault: Exception) -> ConnectionClosed:
        broken = self._protocol.closed(code, f"{what}: {fault}")
        drop_frames_of(__name__, fault)  # this object keeps it
        broken.__cause__ = fault
        return broken

    async def _end(self, closed: ConnectionClosed) -> None:
        self._closed = closed
        self._log_closed(closed, by="this side" if self._closing is not None else "the server")
        await self._deliver(closed)

    def _log_closed(self, closed: ConnectionClosed, *, by: str) -> None:
        code = closed.error.error.code if closed.error is not None else None
        self._log.closed(closed.code, by=by, error_code=code if isinstance(code, str) else None, dialect=self.dialect)

    def _is_retried(self, event: ErrorEvent) -> bool:
        """Whether an error made the dialect change, and the rejected update was sent again."""
        update = self._protocol.unanswered_update
        answered = event.error.event_id
        if update is None or (is_set(answered) and answered != update.event_id):
            return False
        if not self._detector.follows(event.error):
            self._protocol.unanswered_update = None
            return False
        self._protocol.dialect = self._detector.dialect
        self.put([self._protocol.send(update)])
        return True

    async def _write(self) -> None:
        while True:
            message = await self._outgoing.get()
            self._is_writing = True
            self._emptied.set()
            if WIRE.isEnabledFor(logging.DEBUG):
                log_frame("sent", message, session=self.session_id)
            try:
                await self._transport.send(message)
            except ConnectionClosed:
                # Keep emptying the queue, so that no sender waits for ever for a free slot.
                pass
            except Exception:
                _logger.exception("the transport broke while sending")
                await self._transport.close(_INTERNAL_ERROR, "cannot send")
            finally:
                self._is_writing = False
                self._outgoing.task_done()
