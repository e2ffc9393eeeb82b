"""The server's side of one session.

The client's messages and the engines' reports go in; events for the client and commands for the shell come out. The
protocol does no I/O, reads no clock and processes no audio.

    connect · receive · receive_text · hear · speak · excuse_silence · playback · tick            what the shell reports
    detected · end_of_turn_estimated · detection_failed                  what the engines report
    partial_transcript · transcript_delta · transcribed · transcription_failed
    response_text · response_clause · response_audio · response_call · response_approved
    response_finished · response_failed
    mcp_listed · mcp_listing_failed · mcp_called · mcp_call_failed       what MCP servers return
    take_events · take_commands                                          the shell collects these after each call
    next_tick_at                                                         and reads this again: any call can change it

A method that can start or end a response takes the current time. A report about something that has ended in the
meantime is stale and is ignored. `receive` and `receive_text` never raise: the answer to an invalid event is an `error`
event, and the session continues unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import assert_never

from duologue.codec import decode
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
    ServerEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    is_set,
)
from duologue.protocol.server.account import Charge, MemoryAccount
from duologue.protocol.server.client_events import AcceptedEvent, accept, event_id_of
from duologue.protocol.server.clock import Clock
from duologue.protocol.server.commands import Close, Command, Detect, McpCall, Transcribe
from duologue.protocol.server.conversation.client_items import audio_of
from duologue.protocol.server.conversation.items import ConversationItems
from duologue.protocol.server.defaults import SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import FrameReader
from duologue.protocol.server.idle_timeout import IdleTimer
from duologue.protocol.server.input.combinations import combination_faults, detects_turns_by_default, sets_detection
from duologue.protocol.server.input.pipeline import InputPipeline
from duologue.protocol.server.item_edits import ItemEditor
from duologue.protocol.server.leniency import Leniency
from duologue.protocol.server.outgoing import Outgoing
from duologue.protocol.server.responses.forced import ForcedMessage
from duologue.protocol.server.responses.scheduler import ResponseScheduler
from duologue.protocol.server.session import Session, SessionKind
from duologue.protocol.server.token_budget import TokenBudget
from duologue.protocol.server.turn_detection import TurnEnded, TurnStarted

__all__ = ["ServerProtocol"]


class ServerProtocol:
    """One session, seen from the server.

    `new_id` makes an id for a kind of object ("sess", "conv", "item", "resp", "call", "event"). `now` is a monotonic
    clock in seconds, the same one in every call. `started_at` is the Unix time of the start. A session of `kind`
    "transcription" never responds. `charge` is called with every change of what the session holds in memory, and can
    reject more. With `answers_commits` a response follows the client's commit by itself where turn detection is off;
    the hosted service waits for `response.create`. `refuses_combinations` is for dialects of the hosted service:
    settings that it takes one by one and refuses together are refused, unless the session is lenient.
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
        answers_commits: bool = False,
        refuses_combinations: bool = True,
    ) -> None:
        defaults = defaults or SessionDefaults()
        self._account = account = MemoryAccount(defaults.max_session_bytes, *(() if charge is None else (charge,)))
        self._frames = FrameReader(max_bytes=defaults.max_event_bytes, max_values=defaults.max_event_values)
        self._max_event_objects = defaults.max_event_objects
        self._clock = Clock(now)
        self._out = Outgoing(new_id)
        self._ends_at: float = now + defaults.duration_s
        self._duration_s = defaults.duration_s
        self._refuses_combinations = refuses_combinations and not defaults.lenient
        self._detection_set = False
        self._answers_commits = answers_commits and kind == "realtime"
        self._leniency = Leniency(self._out, lenient=defaults.lenient)
        self._idle = IdleTimer(self._clock)
        self.session: Session = Session(
            new_id("sess"), defaults, expires_at=int(started_at) + defaults.duration_s, kind=kind, account=account
        )
        self.conversation: ConversationItems = ConversationItems(
            new_id("conv"),
            max_audio_bytes=defaults.max_audio_bytes,
            max_bytes=defaults.max_conversation_bytes,
            max_item_bytes=defaults.max_item_bytes,
            account=account,
        )
        self._input = InputPipeline(self.session, self.conversation, self._out, account=account, clock=self._clock)
        self._responses = ResponseScheduler(
            self.session,
            self.conversation,
            self._input,
            self._out,
            idle=self._idle,
            token_budget=TokenBudget(defaults.tokens_per_minute, self._clock) if defaults.tokens_per_minute else None,
            max_context_tokens=defaults.max_context_tokens,
            max_responses=defaults.max_responses,
            max_items=defaults.max_items,
            max_configuration_bytes=defaults.max_configuration_bytes,
            account=account,
        )
        self._editor = ItemEditor(
            self.session,
            self.conversation,
            self._input,
            self._out,
            leniency=self._leniency,
            idle=self._idle,
            max_items=defaults.max_items,
        )
        self.take_events: Callable[[], list[ServerEvent]] = self._out.take_events
        self.take_commands: Callable[[], list[Command]] = self._out.take_commands

    # --- the shell

    def connect(self) -> None:
        """The client has connected: send `session.created`."""
        self._out.send(SessionCreatedEvent(event_id=self._out.event_id(), session=self.session.shown))

    @property
    def input_ms(self) -> int:
        """Length of all input audio so far, in milliseconds."""
        return self._input.input_ms

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity once the session has ended."""
        due_at = self._ends_at
        if due_at == inf:
            return inf
        if self._idle.running:
            due_at = min(due_at, self._idle.due_at(self.session.idle_timeout_ms))
        if self._input.in_turn:  # asked several times for each message, and the user is silent at most of them
            due_at = min(due_at, self._input.silence_due_at)
        return due_at

    def excuse_silence(self, now: float) -> None:
        """The client's messages were not read until now, so that it is not silent if no audio has come."""
        self._clock.advance_to(now)
        self._input.client_silence.excuse()

    def playback(self, playing: bool, *, now: float) -> None:
        """The shell plays the session's speech itself, and begins to, or has played all of it."""
        self._clock.advance_to(now)
        self._idle.playback(playing)

    def tick(self, now: float) -> None:
        """Time has passed: end the turn of a client that sends no more audio; prompt a user who has been silent for too
        long; end a session at its maximum duration."""
        self._clock.advance_to(now)
        if now < self.next_tick_at:
            return
        if now >= self._ends_at:
            self._ends_at = inf
            invalid = InvalidRequest("expired", minutes=self._duration_s // 60)
            self._out.send(invalid.event(self._out.event_id(), answers=None))
            self._out.command(Close(1001, invalid.message))
        elif now >= self._input.silence_due_at:
            for turn in self._input.fall_silent():
                self._turn(turn)
        elif (idle_ms := self.session.idle_timeout_ms) is not None:
            self._input.idle_timed_out(idle_ms)
            self._responses.begin_unasked(silent_ms=idle_ms)

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes that the session holds in memory, by kind."""
        return self._account.held

    def receive_text(self, message: str | bytes, *, now: float, read: Callable[[str], RealtimeEvent] = decode) -> None:
        """A message from the client, text or binary. `read` decodes another dialect."""
        event = self.read_text(message, now=now, read=read)
        if event is not None:
            self.receive(event, now=now)

    def read_text(
        self, message: str | bytes, *, now: float, read: Callable[[str], RealtimeEvent] = decode
    ) -> RealtimeEvent | None:
        """The event that a message is, to be given to `receive`; None for an invalid one, which is rejected.

        Checks the cost of decoding before `read` is called, because a decoder cannot be interrupted.
        """
        self._clock.advance_to(now)
        event: RealtimeEvent | None = None
        try:
            event = self._frames.event_in(message, read)
            self._frames.check(event, message)
        except InvalidRequest as invalid:
            self.reject(invalid, event)
            return None
        return event

    def receive(self, event: RealtimeEvent, *, now: float, audio: bytes | None = None) -> None:
        """An event from the client. `audio` is what an append holds, where it has been decoded already."""
        self._clock.advance_to(now)
        try:
            if type(event) is InputAudioBufferAppendEvent and event.event_id is UNSET and not event.extra:
                # Nine in ten events are appends without extra fields, in which only the audio can be wrong.
                self._input.append(audio_of(event.audio, "audio") if audio is None else audio)
                return
            self._handle(accept(event, self.session, self._leniency, max_objects=self._max_event_objects), audio)
        except InvalidRequest as invalid:
            self.reject(invalid, event)

    def hear(self, audio: bytes, *, now: float) -> Detect | None:
        """What an append with nothing but this audio does, which nine in ten events are. Returns the command that comes
        of it, so that it need not be collected."""
        self._clock.advance_to(now)
        try:
            return self._input.hear(audio)
        except InvalidRequest as invalid:
            self.reject(invalid, None)
            return None

    def speak(self, message: ForcedMessage, event: RealtimeEvent, *, now: float) -> None:
        """The client has this spoken word for word, as a response; `event` is what asked for it."""
        self._clock.advance_to(now)
        try:
            if self.session.kind == "transcription":
                raise InvalidRequest("transcription_only", param="item.type", value="force_message")
            if not message.text:
                raise InvalidRequest("missing", param="item.content[0].text")
            if not self.conversation.fits(message.text):
                raise InvalidRequest(
                    "item_too_large", param="item", max=self.conversation.max_item_bytes, got=len(message.text)
                )
            self._responses.speak(message)
        except InvalidRequest as invalid:
            self.reject(invalid, event)

    def reject(self, invalid: InvalidRequest, event: RealtimeEvent | None) -> None:
        """Answer an invalid event by `error`."""
        error = invalid.event(self._out.event_id(), answers=event_id_of(event))
        self._out.send(error)
        if invalid.close_code is not None:
            self._out.command(Close(invalid.close_code, f"{error.error.type}.{invalid.code}"))
        # The traceback's frames refer to the exception, the event and this session. Without this the cycle would keep
        # them in memory until a full garbage collection.
        invalid.__traceback__ = invalid.__cause__ = invalid.__context__ = None

    # --- the engines

    def detected(self, probabilities: Sequence[float], frame_ms: float, *, now: float) -> bool:
        """Answers `Detect`: speech probabilities, 0 to 1, of the frames that the audio completed. Returns False if
        there is nothing to collect and no earlier `next_tick_at`: the user goes on being silent, or speaking."""
        self._clock.advance_to(now)
        pipeline = self._input
        was_behind = pipeline.in_turn and pipeline.detection_behind
        if pipeline.goes_on(probabilities, frame_ms):
            return was_behind
        for turn in self._input.detected(probabilities, frame_ms):
            self._turn(turn)
        return True

    def end_of_turn_estimated(self, item_id: str, completeness: float, *, now: float) -> None:
        """Answers `TranscribeAhead`: the probability, 0 to 1, that the words so far are the whole turn."""
        self._clock.advance_to(now)
        for turn in self._input.end_of_turn_estimated(item_id, completeness):
            self._turn(turn)

    def _turn(self, turn: TurnStarted | TurnEnded) -> None:
        settings = self.session.turn_settings
        if isinstance(turn, TurnStarted):
            self._idle.stop()
            if settings and settings.interrupt_response and self._responses.interruptible:
                self._responses.cancel(None, reason="turn_detected")
        elif settings and settings.create_response and self.session.kind == "realtime":
            self._responses.answer_turn()

    def leave_turns_to_client(self) -> None:
        """Detect no turns from now on, in a dialect in which the client alone says when its utterances end."""
        self.session.leave_turns_to_client()
        self._input.session_updated()

    def begin_utterance(self, *, now: float) -> None:
        """The client begins an utterance by a command, in a dialect that has one."""
        self._clock.advance_to(now)
        self._input.begin_utterance()

    def end_utterance(self, *, now: float) -> None:
        """The client ends its utterance by a command, which asks for the response too."""
        self._clock.advance_to(now)
        self._input.end_utterance()
        if self.session.kind == "realtime":
            self._responses.answer_turn()

    def end_input(self, *, now: float) -> None:
        """The client says that no more audio will come: its last turn ends now."""
        self._clock.advance_to(now)
        for turn in self._input.end_input():
            self._turn(turn)

    @property
    def input_told(self) -> bool:
        """Whether everything that the user said is transcribed, and answered where it is to be."""
        return self._input.is_told and self._responses.active is None

    def speech_so_far(self, item_id: str, from_byte: int = 0) -> Transcribe | None:
        """The audio of the current turn from `from_byte` on, for `TranscribePartial` and `TranscribeAhead`.

        None once that turn is no longer the current one.
        """
        return self._input.speech_so_far(item_id, from_byte)

    @property
    def silent(self) -> bool:
        """Whether the user is silent now: then the turn may be over, and a partial transcript is not worth its cost."""
        return self._input.silent

    def partial_transcript(self, item_id: str, text: str) -> None:
        """Answers `TranscribePartial`: the whole transcript so far; a later one may differ."""
        self._input.partial_transcript(item_id, text)

    def detection_failed(self, fault: str) -> None:
        """Answers `Detect`: detection failed, so the session ends; the client gets `fault`."""
        error = RealtimeError(type="server_error", code="engine_failed", message=fault, param=None, event_id=None)
        self._out.send(ErrorEvent(event_id=self._out.event_id(), error=error))
        self._out.command(Close(1011, fault))

    def transcript_delta(self, item_id: str, delta: str) -> None:
        """Answers `Transcribe`: the next piece of the transcript."""
        self._input.transcript_delta(item_id, delta)

    def transcribed(self, item_id: str, transcript: str, *, now: float) -> None:
        """Answers `Transcribe`: the whole transcript."""
        self._clock.advance_to(now)
        self._input.transcribed(item_id, transcript)
        self._responses.context_changed()

    def transcription_failed(self, item_id: str, fault: str, *, now: float) -> None:
        """Answers `Transcribe`: the transcription failed; the client gets `fault`."""
        self._clock.advance_to(now)
        self._input.transcription_failed(item_id, fault)
        self._responses.context_changed()

    def response_text(self, response_id: str, delta: str, *, now: float) -> bool:
        """Answers `Respond`: the next piece of the text. Returns False once the response's token limit is reached.

        The responder can stop then. Report the speech of the text so far, then `response_finished`.
        """
        self._clock.advance_to(now)
        return self._responses.add_text(response_id, delta)

    def response_clause(self, response_id: str, clause: str) -> None:
        """Answers `Respond`: the audio that follows speaks this part of the text, which has been reported before.

        Without this report a transcript is still truncated with its audio, less exactly.
        """
        self._responses.begin_clause(response_id, clause)

    def response_audio(self, response_id: str, audio: bytes, *, now: float) -> None:
        """Answers `Respond`: the next piece of the speech, in the command's encoding."""
        self._clock.advance_to(now)
        self._responses.add_audio(response_id, audio)

    def response_call(self, response_id: str, name: str, arguments: str, *, now: float) -> McpCall | None:
        """Answers `Respond`: the model calls this function. Report all text and audio before it first.

        The client makes the call, unless an `McpCall` is returned: the shell makes that one, at an MCP server.
        """
        self._clock.advance_to(now)
        return self._responses.add_call(response_id, name, arguments)

    def response_approved(self, response_id: str, request_id: str, *, now: float) -> McpCall | None:
        """Answers `Respond`: an approved call is next. Returns the call for the shell to make; None if it is stale."""
        self._clock.advance_to(now)
        return self._responses.add_approved(response_id, request_id)

    def mcp_called(self, call: McpCall, output: str, *, now: float) -> None:
        """Answers an `McpCall`: the tool's output."""
        self._clock.advance_to(now)
        self._responses.mcp_called(call, output)

    def mcp_call_failed(self, call: McpCall, error: McpCallError, *, now: float) -> None:
        """Answers an `McpCall`: the call failed. The client and the model get `error`."""
        self._clock.advance_to(now)
        self._responses.mcp_called(call, error)

    def mcp_listed(self, item_id: str, tools: Sequence[McpTool]) -> None:
        """Answers `ListMcpTools`: the server's tools, which responses can use from now on."""
        self._responses.mcp.listed(item_id, tools)

    def mcp_listing_failed(self, item_id: str) -> None:
        """Answers `ListMcpTools`: the tools could not be listed."""
        self._responses.mcp.failed(item_id)

    def response_finished(self, response_id: str, *, now: float) -> None:
        """Answers `Respond`: the response is complete."""
        self._clock.advance_to(now)
        self._responses.finish(response_id)

    def response_failed(self, response_id: str, fault: str, *, now: float) -> None:
        """Answers `Respond`: an engine failed; the client gets `fault`."""
        self._clock.advance_to(now)
        self._responses.fail(response_id, fault)

    # --- client events

    def _handle(self, event: AcceptedEvent, audio: bytes | None) -> None:
        match event:
            case InputAudioBufferAppendEvent():
                self._input.append(audio_of(event.audio, "audio") if audio is None else audio)
            case InputAudioBufferCommitEvent():
                self._input.commit()
                if self._answers_commits and self.session.turn_settings is None:
                    self._responses.answer_turn()
            case InputAudioBufferClearEvent():
                self._input.clear()
            case SessionUpdateEvent():
                self._update_session(event)
            case ConversationItemCreateEvent():
                self._editor.create(event)
                if isinstance(event.item, McpApprovalResponseItem) and self.session.kind == "realtime":
                    self._responses.approval_answered(event.item)
            case ConversationItemRetrieveEvent():
                self._editor.retrieve(event)
            case ConversationItemTruncateEvent():
                self._editor.truncate(event)
            case ConversationItemDeleteEvent():
                self._editor.delete(event)
                self._responses.item_deleted(event.item_id)
            case ResponseCreateEvent():
                self._responses.create(event.response if is_set(event.response) else None)
            case ResponseCancelEvent():
                response_id = event.response_id if is_set(event.response_id) else None
                self._responses.cancel(response_id, reason="client_cancelled")
            case _:
                assert_never(event)

    def _update_session(self, event: SessionUpdateEvent) -> None:
        if isinstance(event.session, RealtimeSessionConfig):
            self._responses.mcp.check(event.session.tools, "session")
        if self._refuses_combinations:
            for fault in combination_faults(event, self.session, detection_set=self._detection_set):
                raise fault
        before_ms = self.session.idle_timeout_ms
        self.session.update(
            event,
            voice_in_use=self.conversation.has_assistant_audio(),
            responding=self._responses.active is not None,
        )
        self._detection_set = self._detection_set or sets_detection(event)
        if self._refuses_combinations and not (self._detection_set or detects_turns_by_default(self.session)):
            self.session.switch_turn_detection_off()
        if self.session.idle_timeout_ms != before_ms:
            self._idle.restart()
        self._input.session_updated()
        self._out.send(SessionUpdatedEvent(event_id=self._out.event_id(), session=self.session.shown))
        if self.session.kind == "realtime":
            self._responses.session_updated()
