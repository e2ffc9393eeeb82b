"""The server's side of one session.

In go the client's messages, and reports of the work that was asked for; out come events for the client and commands
for the shell. Nothing here waits, reads a clock or computes on audio.

    connect · receive · receive_text · tick                              what the shell sees
    heard · judged · detection_failed                                    what the engines report
    transcript_guess · transcript_delta · transcribed · transcription_failed
    response_text · response_clause · response_audio · response_call · response_approved
    response_finished · response_failed
    mcp_listed · mcp_listing_failed · mcp_called · mcp_call_failed       what MCP servers say
    take_events · take_commands                                          what the shell collects after each of these
    next_tick_at                                                         and looks at then: it may have moved

A verb that can begin or end a response is told the time. A report about something that has ended meanwhile is
stale, and ignored. Receiving never raises: what cannot be carried out is answered with an `error` event, and the
session goes on as if it had not come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import TypeAlias, assert_never, get_args

from duologue.codec import EVENT_CLASSES, decode
from duologue.codec.problems import read_problem
from duologue.errors import DecodeError
from duologue.events import (
    UNSET,
    ConversationItemCreateEvent,
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncateEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    McpApprovalResponseItem,
    McpCallError,
    McpTool,
    RealtimeError,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.server.account import Account, Charge
from duologue.protocol.server.clock import Clock
from duologue.protocol.server.commands import Close, McpCall, Transcribe
from duologue.protocol.server.conversation.client_items import audio_of
from duologue.protocol.server.conversation.items import Conversation
from duologue.protocol.server.defaults import SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import SHORT_CHARS, check_depth, check_frame, size_bytes
from duologue.protocol.server.idle_timeout import IdleTimer
from duologue.protocol.server.input.pipeline import InputPipeline
from duologue.protocol.server.item_edits import Editing
from duologue.protocol.server.leniency import Leniency
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.responses.scheduler import ResponseScheduler
from duologue.protocol.server.session import Session, SessionKind
from duologue.protocol.server.token_budget import Allowance
from duologue.protocol.server.turn_detection import SpeechStarted, SpeechStopped
from duologue.protocol.server.validation import MOST_EVENT_ID_CHARACTERS, faults_of

__all__ = ["ServerProtocol"]

_Accepted: TypeAlias = (
    SessionUpdateEvent
    | InputAudioBufferAppendEvent
    | InputAudioBufferCommitEvent
    | InputAudioBufferClearEvent
    | ConversationItemCreateEvent
    | ConversationItemTruncateEvent
    | ConversationItemDeleteEvent
    | ConversationItemRetrieveEvent
    | ResponseCreateEvent
    | ResponseCancelEvent
)
"""Client events that a WebSocket session takes; `output_audio_buffer.clear` belongs to WebRTC and SIP."""

_SUPPORTED = ", ".join(f"'{cls.type}'" for cls in get_args(_Accepted))


class ServerProtocol:
    """One session, seen from the server.

    `new_id` makes an id for a kind of thing ("sess", "conv", "item", "resp", "call", "event"); `now` is any clock in
    seconds that does not go backwards, the same one in every call. `started_at` is the Unix time of the start. `kind`
    is what the client connected for: a session of kind "transcription" never responds. `charge` is told what the
    session holds in memory, and may refuse more of it.
    """

    def __init__(
        self,
        defaults: SessionDefaults | None = None,
        *,
        new_id: Callable[[str], str],
        now: float,
        started_at: float,
        kind: SessionKind = "realtime",
        charge: Charge | None = None,
    ) -> None:
        defaults = defaults or SessionDefaults()
        self._account = account = Account(defaults.max_session_bytes, *(() if charge is None else (charge,)))
        self._max_event_bytes = defaults.max_event_bytes
        self._max_event_values = defaults.max_event_values
        self._max_event_objects = defaults.max_event_objects
        self._clock = Clock(now)
        self._out = Outgoing(new_id)
        self._ends_at: float = now + defaults.duration_s
        self._duration_s = defaults.duration_s
        self._leniency = Leniency(self._out, lenient=defaults.lenient)
        self._idle = IdleTimer(self._clock)
        self.session = Session(
            new_id("sess"), defaults, expires_at=int(started_at) + defaults.duration_s, kind=kind, account=account
        )
        self.conversation = Conversation(
            new_id("conv"),
            max_audio_bytes=defaults.max_audio_bytes,
            max_bytes=defaults.max_conversation_bytes,
            max_item_bytes=defaults.max_item_bytes,
            account=account,
        )
        self._listening = InputPipeline(self.session, self.conversation, self._out, account=account)
        self._speaking = ResponseScheduler(
            self.session,
            self.conversation,
            self._listening,
            self._out,
            idle=self._idle,
            allowance=Allowance(defaults.tokens_per_minute, self._clock) if defaults.tokens_per_minute else None,
            max_context_tokens=defaults.max_context_tokens,
            max_responses=defaults.max_responses,
            max_items=defaults.max_items,
            max_configuration_bytes=defaults.max_configuration_bytes,
            account=account,
        )
        self._editing = Editing(
            self.session,
            self.conversation,
            self._listening,
            self._out,
            leniency=self._leniency,
            idle=self._idle,
            max_items=defaults.max_items,
        )
        self.take_events = self._out.take_events
        self.take_commands = self._out.take_commands

    # --- what the shell sees

    def connect(self) -> None:
        """The client is there: greet it."""
        self._out.send(SessionCreatedEvent(event_id=self._out.event_id(), session=self.session.shown))

    @property
    def input_ms(self) -> int:
        """Length of all input audio that came in the present format."""
        return self._listening.input_ms

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity once the session has ended. Any verb can move it."""
        if self._ends_at == inf or not self._idle.running:
            return self._ends_at
        return min(self._ends_at, self._idle.due_at(self.session.idle_timeout_ms))

    def tick(self, now: float) -> None:
        """Time has passed: prompt a user who says nothing; end a session that has lasted for as long as it may."""
        self._clock.moved_to(now)
        if now < self.next_tick_at:
            return
        if now >= self._ends_at:
            self._ends_at = inf
            invalid = InvalidRequest("expired", minutes=self._duration_s // 60)
            self._out.send(invalid.event(self._out.event_id(), answers=None))
            self._out.command(Close(1001, invalid.message))
        elif (quiet_ms := self.session.idle_timeout_ms) is not None:
            self._listening.timed_out(quiet_ms)
            self._speaking.create(None, silent_ms=quiet_ms)

    @property
    def held(self) -> Mapping[str, int]:
        """What the session holds in memory, in bytes by kind."""
        return self._account.held

    def receive_text(self, message: str | bytes, *, now: float, read: Callable[[str], RealtimeEvent] = decode) -> None:
        """A message from the client, text or binary. `read` decodes one in another dialect; it is asked for none that
        would take too long."""
        self._clock.moved_to(now)
        event: RealtimeEvent | None = None
        try:
            if isinstance(message, bytes):
                raise InvalidRequest("binary")
            if len(message) > SHORT_CHARS:
                check_frame(message, max_bytes=self._max_event_bytes, max_values=self._max_event_values)
            if read is not decode:
                check_depth(message)  # before rules follow it down
            try:
                event = read(message)
            except DecodeError as fault:
                raise InvalidRequest("not_json", reason=fault.reason) from fault
            if type(event) is not InputAudioBufferAppendEvent:
                self._check_other(message)
        except InvalidRequest as invalid:
            self._refuse(invalid, event)
        else:
            self.receive(event, now=now)

    def receive(self, event: RealtimeEvent, *, now: float) -> None:
        """An event from the client."""
        self._clock.moved_to(now)
        try:
            if type(event) is InputAudioBufferAppendEvent and event.event_id is UNSET and not event.extra:
                # Nine in ten events, and nothing in them can be wrong.
                self._listening.append(audio_of(event.audio, "audio"))
                return
            self._carry_out(self._accepted(event))
        except InvalidRequest as invalid:
            self._refuse(invalid, event)

    def _refuse(self, invalid: InvalidRequest, event: RealtimeEvent | None) -> None:
        self._out.send(invalid.event(self._out.event_id(), answers=_id_of(event)))
        # A refusal that was made before it was raised stands in a frame of its own traceback, and with it the event
        # and this session: a cycle, which would wait for a full collection.
        invalid.__traceback__ = invalid.__cause__ = invalid.__context__ = None

    def _check_other(self, message: str) -> None:
        """Raise InvalidRequest for what no event may be but an append."""
        if (size := size_bytes(message, self._max_event_bytes)) > self._max_event_bytes:
            raise InvalidRequest("event_too_large", most=self._max_event_bytes, got=size)
        check_depth(message)

    # --- what the engines report

    def heard(self, probabilities: Sequence[float], frame_ms: float, *, now: float) -> None:
        """Answers `Detect`: speech probabilities of the frames that the audio completed."""
        self._clock.moved_to(now)
        for turn in self._listening.heard(probabilities, frame_ms):
            self._turn(turn)

    def end_of_turn_judged(self, item_id: str, completeness: float, *, now: float) -> None:
        """Answers `TranscribeAhead`: the probability, 0 to 1, that the words of this turn are all that is to come."""
        self._clock.moved_to(now)
        for turn in self._listening.end_of_turn_judged(item_id, completeness):
            self._turn(turn)

    def _turn(self, turn: SpeechStarted | SpeechStopped) -> None:
        settings = self.session.turn_settings
        if isinstance(turn, SpeechStarted):
            self._idle.stop()
            if settings and settings.interrupt_response and self._speaking.active:
                self._speaking.cancel(None, reason="turn_detected")
        elif settings and settings.create_response and self.session.kind == "realtime":
            self._speaking.answer_turn()

    def spoken(self, item_id: str, from_byte: int = 0) -> Transcribe | None:
        """What `TranscribePartial` and `TranscribeAhead` are about: the speech of the turn under way so far, from a place in it on.

        None as soon as it is not that turn which is under way.
        """
        return self._listening.spoken(item_id, from_byte)

    @property
    def silent(self) -> bool:
        """Whether the user says nothing at this moment: no time for a guess, as the turn may be over."""
        return self._listening.silent

    def transcript_guess(self, item_id: str, text: str) -> None:
        """Answers `TranscribePartial`: the whole transcript so far, as far as can be guessed."""
        self._listening.transcript_guess(item_id, text)

    def detection_failed(self, fault: str) -> None:
        """Answers `Detect`: the session is deaf from now on, so it ends; `fault` is told to the client."""
        error = RealtimeError(type="server_error", code="engine_failed", message=fault, param=None, event_id=None)
        self._out.send(ErrorEvent(event_id=self._out.event_id(), error=error))
        self._out.command(Close(1011, fault))

    def transcript_delta(self, item_id: str, delta: str) -> None:
        """Answers `Transcribe`: the next piece of the transcript."""
        self._listening.transcript_delta(item_id, delta)

    def transcribed(self, item_id: str, transcript: str, *, now: float) -> None:
        """Answers `Transcribe`: the whole transcript."""
        self._clock.moved_to(now)
        self._listening.transcribed(item_id, transcript)
        self._speaking.context_changed()

    def transcription_failed(self, item_id: str, fault: str, *, now: float) -> None:
        """Answers `Transcribe`: there will be no transcript."""
        self._clock.moved_to(now)
        self._listening.transcription_failed(item_id, fault)
        self._speaking.context_changed()

    def response_text(self, response_id: str, delta: str, *, now: float) -> bool:
        """Answers `Respond`: the next piece of the answer's text. Returns whether more is wanted.

        If not, the responder can stop; what was told is still spoken, and the response reported as finished then.
        """
        self._clock.moved_to(now)
        return self._speaking.add_text(response_id, delta)

    def response_clause(self, response_id: str, clause: str) -> None:
        """Answers `Respond`: the audio that comes next speaks this part of the text, which was told before.

        Without this report a transcript can still be cut with its audio, less exactly.
        """
        self._speaking.begin_clause(response_id, clause)

    def response_audio(self, response_id: str, audio: bytes, *, now: float) -> None:
        """Answers `Respond`: the next piece of the answer's speech, in the command's encoding."""
        self._clock.moved_to(now)
        self._speaking.add_audio(response_id, audio)

    def response_call(self, response_id: str, name: str, arguments: str, *, now: float) -> McpCall | None:
        """Answers `Respond`: this function is to be called, once all text and audio before it are reported.

        The client does so, unless a call is returned: then it is a tool of an MCP server's, to be called here.
        """
        self._clock.moved_to(now)
        return self._speaking.add_call(response_id, name, arguments)

    def response_approved(self, response_id: str, request_id: str, *, now: float) -> McpCall | None:
        """Answers `Respond`: the turn of a call that the user has allowed. What is returned is to be called."""
        self._clock.moved_to(now)
        return self._speaking.add_approved(response_id, request_id)

    def mcp_called(self, call: McpCall, output: str, *, now: float) -> None:
        """A tool has returned this."""
        self._clock.moved_to(now)
        self._speaking.mcp_called(call, output)

    def mcp_call_failed(self, call: McpCall, error: McpCallError, *, now: float) -> None:
        """A tool could not be called, or failed; the client is told, and the model that reads on."""
        self._clock.moved_to(now)
        self._speaking.mcp_called(call, error)

    def mcp_listed(self, item_id: str, tools: Sequence[McpTool]) -> None:
        """Answers `ListMcpTools`: these are the server's tools; responses may use them from now on."""
        self._speaking.mcp.listed(item_id, tools)

    def mcp_listing_failed(self, item_id: str) -> None:
        """Answers `ListMcpTools`: the server cannot be asked, or may not be."""
        self._speaking.mcp.failed(item_id)

    def response_finished(self, response_id: str, *, now: float) -> None:
        """Answers `Respond`: that was all."""
        self._clock.moved_to(now)
        self._speaking.finish(response_id)

    def response_failed(self, response_id: str, fault: str, *, now: float) -> None:
        """Answers `Respond`: an engine failed; `fault` is told to the client."""
        self._clock.moved_to(now)
        self._speaking.fail(response_id, fault)

    # --- client events

    def _accepted(self, event: RealtimeEvent) -> _Accepted:
        """The event, if it is one that this session takes and understands to the last field. Raises InvalidRequest."""
        if isinstance(event, UnknownRealtimeEvent):
            cls = EVENT_CLASSES.get(event.type or "")
            if event.type is None:
                raise InvalidRequest("missing", param="type")
            if cls is None or not issubclass(cls, _Accepted):
                raise InvalidRequest("unknown_type", param="type", value=event.type, supported=_SUPPORTED)
            problem = read_problem(event.problem)
            if problem.missing:
                raise InvalidRequest("missing", param=problem.path)
            raise InvalidRequest("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)
        if not isinstance(event, _Accepted):
            raise InvalidRequest("unknown_type", param="type", value=event.type, supported=_SUPPORTED)
        for fault in faults_of(event, self.session.limits, self._max_event_objects):
            self._leniency.judge(fault, event_type=event.type)
        if self.session.kind == "transcription" and isinstance(event, ResponseCreateEvent):
            raise InvalidRequest("transcription_only", param="type", value=event.type)
        return event

    def _carry_out(self, event: _Accepted) -> None:
        match event:
            case InputAudioBufferAppendEvent():
                self._listening.append(audio_of(event.audio, "audio"))
            case InputAudioBufferCommitEvent():
                self._listening.commit()
            case InputAudioBufferClearEvent():
                self._listening.clear()
            case SessionUpdateEvent():
                self._update_session(event)
            case ConversationItemCreateEvent():
                self._editing.create(event)
                if isinstance(event.item, McpApprovalResponseItem) and self.session.kind == "realtime":
                    self._speaking.approval_answered(event.item)
            case ConversationItemRetrieveEvent():
                self._editing.retrieve(event)
            case ConversationItemTruncateEvent():
                self._editing.truncate(event)
            case ConversationItemDeleteEvent():
                self._editing.delete(event)
                self._speaking.item_deleted(event.item_id)
            case ResponseCreateEvent():
                self._speaking.create(event.response if is_set(event.response) else None)
            case ResponseCancelEvent():
                response_id = event.response_id if is_set(event.response_id) else None
                self._speaking.cancel(response_id, reason="client_cancelled")
            case _:
                assert_never(event)

    def _update_session(self, event: SessionUpdateEvent) -> None:
        if isinstance(event.session, RealtimeSessionConfig):
            self._speaking.mcp.check(event.session.tools, "session")
        before_ms = self.session.idle_timeout_ms
        self.session.update(
            event,
            voice_in_use=self.conversation.has_assistant_audio(),
            responding=self._speaking.active is not None,
        )
        if self.session.idle_timeout_ms != before_ms:
            self._idle.restart()
        self._listening.session_updated()
        self._out.send(SessionUpdatedEvent(event_id=self._out.event_id(), session=self.session.shown))
        if self.session.kind == "realtime":
            self._speaking.session_updated()


def _id_of(event: RealtimeEvent | None) -> str | None:
    """The client's id of an event, as an `error` repeats it."""
    event_id = event.event_id if event is not None else None
    return event_id if isinstance(event_id, str) and len(event_id) <= MOST_EVENT_ID_CHARACTERS else None
