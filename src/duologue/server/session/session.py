"""One session on the server: a transport, the protocol, and the engines.

One task reads, one writes, one watches the clock; each transcription and each response has a task of its own. All of
them end with the session.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Final, assert_never

from duologue.clock import loop_clock, loop_time, unix_time
from duologue.codec import decode
from duologue.codec.append_frames import TEXT_HEADS
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed
from duologue.events import InputAudioBufferAppendEvent, ServerEvent, SessionUpdatedEvent
from duologue.protocol import (
    Close,
    Command,
    Detect,
    DiscardAhead,
    IllegalTransition,
    ListMcpTools,
    Respond,
    ServerProtocol,
    SessionDefaults,
    StopResponse,
    ToleratedFault,
    Transcribe,
    TranscribeAhead,
    TranscribePartial,
)
from duologue.protocol.server.errors import InvalidRequest
from duologue.server.budget import Share
from duologue.server.dialect.adapter import DialectAdapter
from duologue.server.dialect.client_habits import ANSWERS_COMMITS
from duologue.server.dialect.forced_messages import forced_message
from duologue.server.dialect.served_utterances import ServedUtterances
from duologue.server.ids import new_id
from duologue.server.limits import Limits
from duologue.server.mcp.servers import McpAccess, McpFault, McpSession
from duologue.server.rate_limit import TokenBucket
from duologue.server.rejections import Rejection
from duologue.server.session.audio_input import LONG_AUDIO_CHARS, decode_long_audio
from duologue.server.session.detection import Detection
from duologue.server.session.engine_failures import attempt
from duologue.server.session.engine_guard import guarded
from duologue.server.session.event_sender import EventSender
from duologue.server.session.illegal_transitions import IllegalTransitions
from duologue.server.session.prompt import in_turn
from duologue.server.session.response_pipeline import answer
from duologue.server.session.response_reporter import ResponseReporter
from duologue.server.session.send_queue import SendQueue
from duologue.server.session.session_work import SessionWork
from duologue.server.session.short_appends import ShortAppends
from duologue.server.session.transcription import TranscriptionPipeline
from duologue.server.session.unmet_wishes import UnmetWishes
from duologue.server.session_start import STRICT_DIALECTS, SessionStart, session_defaults
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import UNOBSERVED, Observer
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport
from duologue.transports.asgi import ASGITransport
from duologue.transports.webrtc.call import CallTransport
from duologue.transports.wire_log import SERVER_WIRE, log_frame

__all__ = ["ServerSession"]

_FINISHED = Close(1000, "the client ended the session")
_GOING_AWAY = Close(1001, "the server is going away")

_LONG_S: Final = 0.0015
"""A message that took longer has the session's next one wait until others had their turn: one read can bring 32.
Between one and two of the milliseconds that uvloop's clock has."""

_TURNS_TO_READ: Final = 4
"""Of the event loop, from a socket that can be read to the task that waits for its message, through the ASGI server."""


class ServerSession:
    """Serves one client, from `session.created` to the close."""

    def __init__(
        self,
        transport: Transport,
        engines: Engines,
        defaults: SessionDefaults | None = None,
        *,
        session_start: SessionStart | None = None,
        limits: Limits | None = None,
        observer: Observer | None = None,
        mcp: McpAccess | None = None,
        share: Share | None = None,
        long_work: asyncio.Lock | None = None,
        models: Sequence[str] = (),
        new_id: Callable[[str], str] = new_id,
    ) -> None:
        """`models` are those that the server says it has; without, it takes any name. `share` counts the session's
        memory, and is closed with it; None: the memory is not counted. Sessions of one event loop do their long work
        under the same lock, `long_work`, one after another."""
        session_start = session_start or SessionStart()
        self._transport = transport
        self._limits = limits = limits or Limits()
        self._time = loop_clock()
        self._started_at = now = self._time()
        standard = defaults or SessionDefaults()
        settings = session_defaults(standard, session_start)
        self._model = settings.model
        self._share = share
        self._new_id = new_id
        self._long_work = long_work or asyncio.Lock()
        self._protocol = ServerProtocol(
            settings,
            new_id=new_id,
            now=now,
            started_at=unix_time(),
            kind=session_start.kind,
            charge=share.charge if share is not None else None,
            answers_commits=session_start.dialect in ANSWERS_COMMITS,
            refuses_combinations=session_start.dialect in STRICT_DIALECTS,
        )
        conversation_id = self._protocol.conversation.conversation_id
        self._adapter = DialectAdapter(
            session_start.dialect, new_id=new_id, conversation_id=conversation_id, kind=session_start.kind
        )
        self._read_event = decode if session_start.dialect == DEFAULT_DIALECT else self._adapter.read
        self._utterances = ServedUtterances(
            PROFILES[session_start.dialect], self._protocol, self._adapter, new_id=new_id
        )
        self._observer = (
            observer.opened(self.session_id, kind=session_start.kind) if observer is not None else UNOBSERVED
        )
        self._engines = guarded(engines, self._observer, piece_s=limits.engine_s)
        own = (*models, standard.model, standard.voice)
        self._work = SessionWork(self._close_if_drained)
        self._transcription = TranscriptionPipeline(
            self._engines, self._protocol, start=self._work.start_ahead, flush=self._flush
        )
        self._mcp = McpSession(mcp, timeout_s=limits.engine_s)
        self._send_queue = SendQueue(
            max_waiting_bytes=limits.backlog_bytes,
            stall_s=limits.stall_s,
            charge=share.charge if share is not None else None,
        )
        self._sender = EventSender(
            transport,
            self._adapter,
            self._send_queue,
            observer=self._observer,
            unmet_wishes=UnmetWishes(self._engines, session_id=self.session_id, own=own),
            session_id=self.session_id,
        )
        self._send = self._sender.send
        self._events_allowed = (
            TokenBucket(per_s=limits.events_per_s, burst=limits.events_per_s, now=now) if limits.events_per_s else None
        )
        self._detection = Detection(
            self._engines,
            self._protocol,
            session_id=self.session_id,
            carry_out=self._carry_out,
            start=lambda work: self._tasks.create_task(work),
        )
        self._appends = ShortAppends(
            self._protocol,
            self._detection,
            self._send_queue,
            observer=self._observer,
            reads_frames=self._adapter.reads_bare_appends,
            allows=self._allows if self._events_allowed is not None else None,
            receive=self._receive,
            carry_out=self._carry_out,
            start=lambda work: self._tasks.create_task(work),
        )
        self._illegal = IllegalTransitions(self.session_id, self._observer)
        self._tick_at = math.inf
        self._wake = asyncio.Event()
        self._reading: asyncio.Task[int] | None = None
        self._draining = self._playing = False
        self.speech_room: Callable[[], Awaitable[None]] | None = None
        """Waits while the transport, which plays the speech itself, has enough of it; None: it does not play."""
        self._close_with: Close | None = None
        self._configuration_events: list[ServerEvent] = []
        """The events that a client secret's configuration causes, to be sent after `session.created`."""
        if session_start.message is not None:
            self._protocol.receive_text(session_start.message, now=now)
            # The client has not sent this update, and gets no `session.updated`: `session.created` has the settings.
            events = self._protocol.take_events()
            self._configuration_events = [event for event in events if not isinstance(event, SessionUpdatedEvent)]

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it."""
        return self._protocol.session.wire.id

    async def run(self) -> None:
        """Serve until the client disconnects or the session is over. Cancelling ends it at once, with all its tasks."""
        code = 1005
        try:
            with self._observer.work("session", self.session_id):
                code = await self._serve()
                if self._close_with is not None:
                    code = self._close_with.code
                    await self._transport.close(code, self._close_with.reason)
        except asyncio.CancelledError as end:
            code = _GOING_AWAY.code
            await self._transport.close(code, _GOING_AWAY.reason)
            drop_traceback(end)  # a variable in the frame of the task group holds it
            raise
        except Exception as fault:
            code = 1011
            log_event(logging.ERROR, "session broke", fault=fault, session=self.session_id)
            drop_traceback(fault)
            await self._transport.close(code, "internal error")
        finally:
            self._appends.close()
            self._observer.closed(code)
            if self._share is not None:
                self._share.close()
            # They refer to this session: the cycle would keep its audio in memory until a full garbage collection.
            self._transcription.close()
            self._mcp.close()
            self._detection.close()
            self._work.close()
            del self._transcription, self._mcp, self._detection, self._appends
            self._reading = None

    def drain(self) -> None:
        """End as soon as no transcription, tool listing or response is under way, and no speech is being played."""
        self._draining = True
        self._close_if_drained()

    def playback_changed(self, playing: bool) -> None:
        """The transport plays the session's speech itself: it begins to, or has played all of it."""
        self._playing = playing
        self._protocol.playback(playing, now=loop_time())
        self._close_if_drained()
        if self._protocol.next_tick_at < self._tick_at:
            self._wake.set()

    def stop(self, close: Close = _GOING_AWAY) -> None:
        """End now, with this close; later calls change nothing."""
        self._close_with = self._close_with or close
        if self._reading is not None:
            self._reading.cancel()

    async def _serve(self) -> int:
        """Returns the close code."""
        async with asyncio.TaskGroup() as self._tasks:
            self._work.use(self._tasks)
            self._protocol.connect()
            for event in (*self._protocol.take_events(), *self._configuration_events):
                self._send(event)
            await self._flush()
            self._appends.context = copy_context()
            if isinstance(self._transport, ASGITransport):
                self._sender.write_at_once = await self._transport.offer(self._appends.take_frame)
            elif isinstance(self._transport, CallTransport):
                await self._transport.offer(self._appends.take_audio)
            reading, writing = self._tasks.create_task(self._read()), self._tasks.create_task(self._sender.write())
            clock = self._tasks.create_task(self._watch_clock())
            self._reading = reading
            if self._close_with is not None:
                reading.cancel()
            try:
                # Either may be the first to see that the client is gone, while the other waits for something else.
                await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._appends.reader_waits = False
                self._detection.stop()
                for task in (reading, writing, clock, *self._work):
                    task.cancel()
        return next((task.result() for task in (reading, writing) if not task.cancelled()), 1005)

    # --- the three loops

    async def _read(self) -> int:
        while True:
            try:
                self._appends.reader_waits = True
                message = await self._transport.receive()
            except ConnectionClosed as closed:
                await self._detection.ended()
                return closed.code
            self._appends.reader_waits = False
            if isinstance(message, bytes) or not message.startswith(TEXT_HEADS):
                await self._detection.ended()  # the effects of audio precede those of later messages
            long_append = self._receive(message)
            del message  # it would stay in memory until the next one comes
            if long_append is not None:
                await self._receive_long(long_append)
                del long_append
            if self._time() - self._appends.last_message_at > _LONG_S:
                await asyncio.sleep(0)
            self._carry_out()
            if self._detection.takes_more:
                self._detection.begin(self._appends.context)
            else:
                await self._detection.run()
            if self._send_queue.is_full:
                await self._flush()

    def _receive(self, message: str | bytes) -> InputAudioBufferAppendEvent | None:
        """Take a message. Returns an append that is too long to be decoded while all sessions wait."""
        long_append: InputAudioBufferAppendEvent | None = None
        self._appends.last_message_at = now = self._time()
        if SERVER_WIRE.isEnabledFor(logging.DEBUG):
            log_frame("received", message, session=self.session_id, wire=SERVER_WIRE)
        if not self._allows(now):
            pass  # it is rejected
        elif (event := self._protocol.read_text(message, now=now, read=self._read_event)) is not None:
            if type(event) is InputAudioBufferAppendEvent:
                if len(event.audio) > LONG_AUDIO_CHARS:
                    long_append = event
                else:
                    self._protocol.receive(event, now=now)
            elif (message_to_speak := forced_message(event, self._adapter.dialect)) is not None:
                self._protocol.speak(message_to_speak, event, now=now)
            elif not self._utterances.take(event, model=self._model, now=now):
                self._protocol.receive(event, now=now)
        self._observer.received(len(message), self._protocol.input_ms)
        return long_append

    def _allows(self, now: float) -> bool:
        """Whether the client may send one more event now; if not, it is told."""
        if self._events_allowed is None or self._events_allowed.take(now):
            return True
        self._send(Rejection("events").event(self._new_id("event")))
        return False

    async def _receive_long(self, event: InputAudioBufferAppendEvent) -> None:
        try:
            audio = await decode_long_audio(event.audio)
        except InvalidRequest as invalid:
            self._protocol.reject(invalid, event)
        else:
            self._protocol.receive(event, now=loop_time(), audio=audio)

    async def _watch_clock(self) -> None:
        idle_s = self._limits.idle_s if self._limits.idle_s is not None else math.inf
        while (wake_at := min(self._protocol.next_tick_at, self._appends.last_message_at + idle_s)) < math.inf:
            self._tick_at = self._protocol.next_tick_at
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, wake_at - loop_time())):
                    await self._wake.wait()
            except TimeoutError:
                if loop_time() < min(self._protocol.next_tick_at, self._appends.last_message_at + idle_s):
                    continue  # each append has put it off
                # What has come while the event loop was busy is read first.
                for _ in range(_TURNS_TO_READ):
                    await asyncio.sleep(0)
                # Timers may fire a little early: then nothing happens, and the loop sleeps for the rest.
                now = loop_time()
                if now >= self._appends.last_message_at + idle_s:
                    rejection = Rejection("idle", seconds=idle_s)
                    self._send(rejection.event(self._new_id("event")))
                    self._send_queue.put(Close(rejection.close_code, rejection.close_reason))
                    return
                if not (self._appends.reader_waits and self._detection.idle):
                    self._protocol.excuse_silence(now)
                self._protocol.tick(now)
                await self._flush()

    # --- events and commands of the protocol

    async def _flush(self) -> None:
        """Send the protocol's events and execute its commands; then wait while the client is too far behind."""
        self._carry_out()
        if self._send_queue.is_full and not await self._send_queue.room():
            stalled = Rejection("stalled", seconds=self._limits.stall_s)
            self.stop(Close(stalled.close_code, stalled.close_reason))

    def _carry_out(self) -> None:
        """Send the protocol's events and execute its commands."""
        if events := self._protocol.take_events():
            self._send(*events)
        if self._utterances.has_commands:
            for text in self._utterances.take_frames():
                self._send_queue.put(text)
            if self._utterances.closes:
                self._send_queue.put(_FINISHED)
        for command in self._protocol.take_commands():
            self._execute(command)
        if self._protocol.next_tick_at < self._tick_at:
            # A later one needs no waking: each piece of speech puts off the end of its turn.
            self._wake.set()

    def _close_if_drained(self) -> None:
        if self._draining and not self._work.is_under_way and not self._playing:
            self._send_queue.put(_GOING_AWAY)

    def _execute(self, command: Command) -> None:
        match command:
            case Detect():
                self._detection.put(command)
            case TranscribePartial():
                self._transcription.transcribe_partial(command)
            case TranscribeAhead():
                self._transcription.transcribe_ahead(command)
            case DiscardAhead():
                self._transcription.discard_ahead(command)
            case Transcribe():
                self._work.start(f"transcribe {command.item_id}", self._transcribe(command))
            case ListMcpTools():
                self._work.start(f"list {command.item_id}", self._list_mcp_tools(command))
            case Respond():
                self._work.start(f"respond {command.response_id}", self._respond(command))
            case StopResponse():
                self._work.cancel(f"respond {command.response_id}")
            case Close():
                self._send_queue.put(command)
            case IllegalTransition():
                self._illegal.report(command)
            case ToleratedFault(event_type=event_type, param=param, value_type=kind):
                log_event(
                    logging.WARNING, "fault tolerated", session=self.session_id, of=event_type, param=param, kind=kind
                )
            case _:
                assert_never(command)

    async def _transcribe(self, command: Transcribe) -> None:
        with self._observer.work("transcription", command.item_id):
            fault = await attempt(
                lambda: self._transcription.transcribe(command), session_id=self.session_id, work_id=command.item_id
            )
        if fault is not None:
            self._protocol.transcription_failed(command.item_id, fault, now=loop_time())
        await self._flush()

    async def _list_mcp_tools(self, command: ListMcpTools) -> None:
        try:
            tools = await self._mcp.list_tools(command.server)
        except McpFault as fault:
            log_event(logging.WARNING, "MCP server not listed", session=self.session_id, reason=fault.unquoted)
            drop_traceback(fault)
            self._protocol.mcp_listing_failed(command.item_id)
        else:
            self._protocol.mcp_listed(command.item_id, tools)
        await self._flush()

    async def _respond(self, command: Respond) -> None:
        async def work() -> None:
            age_s = loop_time() - self._started_at
            request = await in_turn(self._long_work, command, session_id=self.session_id, session_age_s=age_s)
            reporter = ResponseReporter(
                command, self._protocol, self._observer, self._flush, self._mcp, speech_room=self.speech_room
            )
            for request_id in command.approved:
                await reporter.approved(request_id)
            if not command.approved:
                await answer(command, request, self._engines, reporter)
            self._protocol.response_finished(command.response_id, now=loop_time())

        with self._observer.work("response", command.response_id):
            fault = await attempt(work, session_id=self.session_id, work_id=command.response_id)
            if fault is not None:
                self._protocol.response_failed(command.response_id, fault, now=loop_time())
            await self._flush()
