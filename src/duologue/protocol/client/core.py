"""A client's conversation without I/O: what asyncio and threaded shells, and anybody's own loop, drive alike.

Its parts each keep one thing; this is the order in which they hear of an event, and what the application is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.errors import LocalProtocolError
from duologue.events import (
    AnySession,
    AnySessionConfig,
    ClientEvent,
    ConversationItemDeleteEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    RealtimeEvent,
    RealtimeSession,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SemanticVad,
    ServerVad,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSession,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.client.deduplication import Repeats
from duologue.protocol.client.dispatch import EventContext, Takes, dispatch_table, on
from duologue.protocol.client.error_kinds import classify
from duologue.protocol.client.event_notices import EventNotices
from duologue.protocol.client.history.store import ConversationStore
from duologue.protocol.client.limits import LASTING, KeptLimits
from duologue.protocol.client.notices import (
    ConnectionLost,
    ErrorReported,
    Interrupted,
    Notice,
    RequestEnded,
    RunTool,
    SessionChanged,
    StopTool,
    Unreadable,
    UsageChanged,
)
from duologue.protocol.client.output_audio import ModelSpeech
from duologue.protocol.client.pending_commands import Unanswered
from duologue.protocol.client.recovery.session_replay import SessionReplay
from duologue.protocol.client.responses.requests import RequestPolicy, ResponseRequest
from duologue.protocol.client.responses.sequencer import ANSWER_WITHIN_S, ResponseSequencer
from duologue.protocol.client.tools.calls import ToolCalls
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.client.usage import UsageLedger
from duologue.protocol.client.validation import LocalChecks
from duologue.protocol.liveness import RotationLimits, rotation_due
from duologue.protocol.states import IllegalTransition, ReportIllegal, SequenceState

__all__ = ["EVENT_TABLE", "ORDER", "ConversationCore", "CoreOptions"]


_WANTING: Final[frozenset[type[RealtimeEvent]]] = frozenset(
    {*ResponseSequencer.handlers, *ToolCalls.handlers, InputAudioBufferSpeechStartedEvent, SessionCreatedEvent}
)
"""Events behind which the sequencer or the calls may want to send or to tell something."""


class CoreOptions(Struct, frozen=True, kw_only=True):
    """How a conversation is kept."""

    tag_requests: bool = True
    """Add a pair to a request's metadata, so that its answer is found without guessing."""
    answer_within_s: float = ANSWER_WITHIN_S
    keep_audio_bytes: int = 0
    """Keep so much of the model's speech in the store; none by default."""
    checks_off: tuple[str, ...] = ()
    """Names in `LOCAL_CHECKS` that are not made."""
    truncate_on_speech: bool = True
    """Cut the model's speech where it was heard to, when the user begins to talk over it."""
    stop_tools_on_speech: bool = True
    """Give up functions that run when the user begins to talk; their question is no longer the one to answer."""
    continue_after_tools: bool = True
    """Ask the model to go on when all its calls are answered."""
    rotation: RotationLimits = RotationLimits()
    kept: KeptLimits = KeptLimits()
    """How much the server can have this client keep."""


class ConversationCore(Takes):
    """One conversation, over as many connections as it takes.

        receive · lost · tick                            what happens; tick is due at `next_tick_at`
        send · update_session · append · respond · cancel · interrupt
                                                         what the application wants
        report_played · report_played_until              what the player reports, in bytes or milliseconds of a part
        tool_answered · tool_failed · cancel_tools       what became of the functions that `RunTool` asked for
        take_events · take_notices                       what the shell collects after each of these

    `receive` takes the events of `ClientProtocol.receive`, in order; what `take_events` returns goes to
    `ClientProtocol.send`, in order. Call from one thread at a time. `now` is any clock in seconds that does not go
    backwards; `new_id` makes an id for a kind of thing ("event", "item", "request").

    After `lost` nothing is sent. The first `session.created` of another connection opens it again: the configuration
    and the confirmed items are sent, with the items that were sent and never confirmed, and a `SessionRestored` notice
    says what could not be. No other command is sent again. To rotate, open the new connection first, then call `lost`
    and go on with its events.

    Receiving never raises. Wishes raise LocalProtocolError where the server would refuse them.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[str], str],
        options: CoreOptions | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        self.options = options if options is not None else CoreOptions()
        self._events: list[ClientEvent | UnknownRealtimeEvent] = []
        self._notices: list[Notice] = []
        report_illegal = _told_once(self._notices)
        self.sequencer = ResponseSequencer(
            new_id=new_id,
            tag_requests=self.options.tag_requests,
            answer_within_s=self.options.answer_within_s,
            report_illegal=report_illegal,
        )
        self.store = ConversationStore(keep_audio_bytes=self.options.keep_audio_bytes, limits=self.options.kept)
        self.speech = ModelSpeech(tell=self._notices.append, report_illegal=report_illegal)
        self.usage = UsageLedger()
        self.memory = SessionReplay(new_id=new_id)
        self.checks = LocalChecks(off=self.options.checks_off)
        self.calls = ToolCalls(toolbox, new_id=new_id, limits=self.options.kept)
        self.is_open = True
        """Whether there is a connection. It may be used before the server has greeted."""
        self.expires_at: int | None = None
        """When the server will end the session, in Unix seconds."""
        self._new_id = new_id
        self._unanswered = Unanswered()
        self._repeats = Repeats()
        self._lasting_events = 0
        self._speaking = False
        self._interruptible = True
        self._parts = (
            self._unanswered,
            self.checks,
            self.memory,
            self.sequencer,
            self.speech,
            self.store,
            self.calls,
            EventNotices(self.store, tell=self._notices.append),
            self.usage,
        )

    # --- what the application wants

    def send(self, event: RealtimeEvent, *, policy: RequestPolicy = "wait", now: float) -> ResponseRequest | None:
        """Send any event. A `response.create` goes through `respond`, a `response.cancel` through `cancel`.

        Raises:
            LocalProtocolError: there is no connection, the server would refuse it, or only servers send it.
        """
        if not self.is_open:
            raise LocalProtocolError(f"cannot send {event.type}: the connection is lost; wait for SessionRestored")
        match event:
            case ResponseCreateEvent():
                return self.respond(event, policy=policy, now=now)
            case ResponseCancelEvent() if (
                not is_set(event.response_id) or event.response_id == self.sequencer.active_id
            ):
                self.cancel(now=now)
            case ClientEvent():
                self.checks.check(event)
                self._put(event)
            case UnknownRealtimeEvent():
                self._events.append(event)
            case _:
                raise LocalProtocolError(f"cannot send {event.type}: only servers send it")
        return None

    def update_session(self, config: AnySessionConfig) -> None:
        """Change the session's configuration. Every later session begins with it; while there is none, it waits.

        Raises:
            LocalProtocolError: the server would refuse it.
        """
        event = SessionUpdateEvent(event_id=self._new_id("event"), session=config)
        self.checks.check(event)
        if self.is_open:
            self._put(event)
        else:
            self.memory.sent(event)

    def append(self, audio: bytes, *, encoding: Encoding | None = None) -> None:
        """Send input audio; `encoding` is what its source says that it is.

        Raises:
            LocalProtocolError: there is no connection, or the audio is not what the session's input takes.
        """
        if not self.is_open:
            raise LocalProtocolError("cannot append audio: the connection is lost; wait for SessionRestored")
        self.checks.check_audio(len(audio), encoding=encoding)
        self.checks.appended(len(audio))
        self._events.append(InputAudioBufferAppendEvent.from_audio(audio))

    def respond(
        self, event: ResponseCreateEvent | None = None, *, policy: RequestPolicy = "wait", now: float
    ) -> ResponseRequest:
        """Ask for a response, now or when its turn comes. A `RequestEnded` notice with this request answers it.

        Raises:
            LocalProtocolError: there is no connection, the server would refuse it, or the policy is "refuse" and
                another response has the floor.
        """
        event = event if event is not None else ResponseCreateEvent()
        if not self.is_open:
            raise LocalProtocolError("cannot send response.create: the connection is lost; wait for SessionRestored")
        self.checks.check(event)
        request = self.sequencer.request(event, policy=policy, now=now)
        self._collect(now)
        return request

    def cancel(self, request_id: str | None = None, *, now: float) -> bool:
        """Stop the response of a request, or the one that runs. False if nothing does: then nothing is sent."""
        stopped = self.sequencer.cancel(request_id, now=now)
        self._collect(now)
        return stopped

    def interrupt(self, *, now: float) -> None:
        """The user takes the floor without turn detection: stop the response, and cut what was not heard of it."""
        self.cancel(now=now)  # first, so that the server cuts an item which is complete
        self._interrupt()

    # --- what the player and the functions report

    def report_played(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """So many more bytes of a part, in the wire's format, have been heard."""
        self.speech.playback.heard(item_id, content_index, n_bytes=n_bytes)

    def report_played_until(self, item_id: str, content_index: int = 0, *, position_ms: int) -> None:
        """A part has been heard up to here."""
        self.speech.playback.heard_until(item_id, content_index, position_ms=position_ms)

    def tool_answered(self, call_id: str, result: object, *, now: float) -> None:
        """A function has returned: text, or anything that can be written as JSON. Late reports are ignored."""
        self.calls.answered(call_id, result)
        self._collect(now)

    def tool_failed(self, call_id: str, reason: str, *, now: float) -> None:
        """A function has raised, or taken too long; the model is told the reason."""
        self.calls.failed(call_id, reason)
        self._collect(now)

    def cancel_tools(self, call_id: str | None = None, *, now: float) -> None:
        """Give up a function that runs, or all of them; `StopTool` notices name those to stop."""
        self._notices += [StopTool(given_up) for given_up in self.calls.cancel(call_id)]
        self._collect(now)

    # --- what happens

    def receive(self, event: RealtimeEvent, *, now: float) -> None:
        """An event of the server. A repeated one is dropped; one that cannot be read is told and changes nothing."""
        if self._repeats.is_repeated(event):
            return
        if not self.is_open and isinstance(event, SessionCreatedEvent):
            self._reopen(now)
        event_class = type(event)
        self._lasting_events += event_class in LASTING
        handlers = EVENT_TABLE.get(event_class)
        if handlers is not None:
            context = EventContext(now=now)
            parts = (*self._parts, self)  # made here: a core that holds itself would wait for the garbage collector
            for place, handler in handlers:
                handler(parts[place], event, context)

    def lost(self, reason: str = "the connection is lost", *, now: float) -> None:
        """The connection is gone: every request fails now, and nothing is sent before there is another one."""
        if not self.is_open:
            return
        self.is_open = False
        self._events.clear()
        self.expires_at = None
        self.memory.lost(self._unanswered.commands)
        self._unanswered.clear()
        self.sequencer.lost(reason)
        self.calls.lost()
        self._repeats.clear()
        self._speaking = False
        self._notices.append(ConnectionLost(reason))
        self._collect(now)

    @property
    def excess(self) -> str | None:
        """Why this conversation has to end: the server has told more than a client keeps. None while it has not."""
        what, most = self.store.excess or self.calls.excess, self.options.kept.lasting_events
        if self._lasting_events > most:
            what = f"more than {most} events that leave something behind"
        return f"the server sent {what}, which is more than is kept (CoreOptions.kept)" if what else None

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity while nothing is waited for."""
        return self.sequencer.next_tick_at

    def tick(self, now: float) -> None:
        """Time has passed."""
        self.sequencer.tick(now)
        self._collect(now)

    @property
    def between_turns(self) -> bool:
        """Whether there is no speech and no response: a moment to change the connection unnoticed."""
        return (
            self.sequencer.state is SequenceState.IDLE
            and not self.sequencer.pending
            and not self._speaking
            and not self.speech.playback.playing
            and self.calls.all_answered
            and not len(self._unanswered)
        )

    def rotation_due(self, *, unix_now_s: float) -> bool:
        """Whether to change to another connection now, before the server ends this one."""
        ends_at = None if self.expires_at is None else float(self.expires_at)
        return rotation_due(unix_now_s, ends_at, between_turns=self.between_turns, limits=self.options.rotation)

    # --- what the shell collects

    def take_events(self) -> list[ClientEvent | UnknownRealtimeEvent]:
        """Events to send since the last call, in order."""
        events, self._events = self._events, []
        return events

    def take_notices(self) -> list[Notice]:
        """What the application is told since the last call, in order."""
        notices = self._notices.copy()
        self._notices.clear()  # the parts hold on to the list
        return notices

    # --- what follows from an event for the conversation as a whole

    @on(UnknownRealtimeEvent)
    def _unreadable(self, event: UnknownRealtimeEvent, context: EventContext) -> None:
        self._notices.append(Unreadable(event=event, problem=event.problem))

    @on(ErrorEvent)
    def _error(self, event: ErrorEvent, context: EventContext) -> None:
        self._notices.append(ErrorReported(event=event, kind=classify(event), command=context.command))

    @on(SessionCreatedEvent, SessionUpdatedEvent)
    def _session(self, event: SessionCreatedEvent | SessionUpdatedEvent, context: EventContext) -> None:
        session = event.session
        self._interruptible = _interrupts(session)
        if isinstance(session, RealtimeSession | TranscriptionSession) and is_set(session.expires_at):
            self.expires_at = session.expires_at
        self._notices.append(SessionChanged(session))

    @on(InputAudioBufferSpeechStartedEvent)
    def _speech_started(self, event: InputAudioBufferSpeechStartedEvent, context: EventContext) -> None:
        self._speaking = True
        if self._interruptible and self.options.truncate_on_speech:
            self._interrupt()
        if self._interruptible and self.options.stop_tools_on_speech:
            self._notices += [StopTool(given_up) for given_up in self.calls.cancel()]

    @on(InputAudioBufferSpeechStoppedEvent, InputAudioBufferCommittedEvent)
    def _speech_stopped(
        self, event: InputAudioBufferSpeechStoppedEvent | InputAudioBufferCommittedEvent, context: EventContext
    ) -> None:
        self._speaking = False

    @on(*UsageLedger.handlers)
    def _usage(self, event: RealtimeEvent, context: EventContext) -> None:
        usage = self.usage.take_change()
        if usage is not None:
            self._notices.append(UsageChanged(usage))

    @on(*_WANTING)  # the last one: it takes what the handlers before it want
    def _wanted(self, event: RealtimeEvent, context: EventContext) -> None:
        self._collect(context.now)

    def _interrupt(self) -> None:
        interruption = self.speech.interrupt(self.sequencer.active_id)
        truncate = interruption.truncate
        if truncate is not None and truncate.item_id in self.store and self.is_open:
            self._put(truncate)
        elif truncate is not None:  # out of band, or of a lost session: no server has the item that could be cut
            interruption = msgspec.structs.replace(interruption, truncate=None)
        if interruption.cut:
            self._notices.append(Interrupted(interruption))

    def _put(self, event: ClientEvent) -> None:
        """Have an event sent, and let everybody know who waits for its answer."""
        if not is_set(event.event_id):
            event = msgspec.structs.replace(event, event_id=self._new_id("event"))
        if isinstance(event, ConversationItemDeleteEvent):
            self.speech.playback.forget(event.item_id)
        self._unanswered.sent(event)
        self.memory.sent(event)
        self.checks.sent(event)
        self._events.append(event)

    def _collect(self, now: float) -> None:
        """Take what the parts have to say."""
        self._notices += [RunTool(call) for call in self.calls.take_runs()]
        if self.is_open:
            for answer in self.calls.take_events():
                self._put(answer)
            # One create is enough for all answers that go out before it.
            if self.calls.take_follow_ups() and self.options.continue_after_tools and not self.sequencer.will_send:
                self.sequencer.request(now=now)
            for event in self.sequencer.take_events():
                self._put(event)
        self._notices += [RequestEnded(resolution) for resolution in self.sequencer.take_resolutions()]

    def _reopen(self, now: float) -> None:
        """Another session: it is told what the one before knew."""
        self.is_open = True
        replay = self.memory.replay(self.store.items)
        self.store.clear()
        self._lasting_events = 0
        self.speech.clear()
        self.checks.connected()
        self.usage.connected()
        for event in replay.events:
            self._put(event)
        self._notices.append(replay.restored)
        if replay.answers_calls and self.options.continue_after_tools:
            self.sequencer.request(now=now)  # the one that followed the answers is lost with them


def _interrupts(session: AnySession) -> bool:
    """Whether the server stops a response when the user begins to speak."""
    if not isinstance(session, RealtimeSession) or not is_set(session.audio) or not is_set(session.audio.input):
        return True
    detection = session.audio.input.turn_detection
    return not (isinstance(detection, ServerVad | SemanticVad) and detection.interrupt_response is False)


def _told_once(notices: list[Notice]) -> ReportIllegal:
    """Puts each kind of illegal transition among the notices once: the same with every event would say nothing new."""
    seen: set[IllegalTransition] = set()

    def report(illegal: IllegalTransition) -> None:
        if illegal not in seen:
            seen.add(illegal)
            notices.append(illegal)

    return report


ORDER: Final[tuple[type[Takes], ...]] = (
    Unanswered,  # which command an event answers; what follows reads it
    LocalChecks,
    SessionReplay,
    ResponseSequencer,  # which responses are of the conversation
    ModelSpeech,  # what is to be played, and in which encoding
    ConversationStore,
    ToolCalls,
    EventNotices,  # reads the items in the store
    UsageLedger,
    ConversationCore,  # what follows for the conversation as a whole
)
"""The order in which an event goes to the parts."""

EVENT_TABLE: Final = dispatch_table(ORDER)
"""By class of event: the handlers that take it, each with the place of its part in `ORDER`."""
