"""A client's conversation without I/O. The asyncio client and the blocking client run it, and any other loop can.

Each part keeps one thing. `ORDER` is the order in which an event reaches the parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from duologue.audio.buffers import AudioBuffer
from duologue.audio.formats import Encoding
from duologue.errors import LocalProtocolError, NotConnected
from duologue.events import (
    AnySessionConfig,
    ClientEvent,
    ConversationItemDeleteEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferSpeechStartedEvent,
    OutputAudioBufferClearEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseCancelEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    SessionCreatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.client.deduplication import Deduplicator
from duologue.protocol.client.dispatch import EventContext, HandlesEvents, dispatch_table, on
from duologue.protocol.client.event_notices import EventNotices
from duologue.protocol.client.follow_ups import calls_answered, requests_ended
from duologue.protocol.client.history.store import ConversationStore
from duologue.protocol.client.input_audio import InputAudio
from duologue.protocol.client.limits import LASTING
from duologue.protocol.client.notices import (
    AudioNotCommitted,
    ConnectionLost,
    Interrupted,
    Notice,
    RunTool,
    SessionUpdateEnded,
    StopTool,
    UsageChanged,
)
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.output_audio import AttachedPlayer, OutputAudio
from duologue.protocol.client.pending_commands import PendingCommands
from duologue.protocol.client.recovery.session_replay import SessionReplay
from duologue.protocol.client.responses.damaged_end import readable_end, with_id
from duologue.protocol.client.responses.requests import RequestPolicy, ResponseRequest
from duologue.protocol.client.responses.response_events import PART_EVENTS
from duologue.protocol.client.responses.sequencer import ResponseSequencer
from duologue.protocol.client.responses.silence import ResponseSilence
from duologue.protocol.client.session_status import SessionStatus
from duologue.protocol.client.tools.calls import ToolCalls
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.client.usage import UsageLedger
from duologue.protocol.client.validation import LocalChecks
from duologue.protocol.liveness import rotation_due
from duologue.protocol.states import SequenceState, report_once

__all__ = ["EVENT_TABLE", "ORDER", "ConversationCore"]

_MANY: Final[frozenset[type[RealtimeEvent]]] = frozenset[type[RealtimeEvent]](
    (*PART_EVENTS, ResponseAudioDeltaEvent)
) - {ResponseFunctionCallArgumentsDoneEvent}
"""Events that come in such numbers that nothing is done after them unless they are the first of a response."""

_COLLECTED_AFTER: Final[frozenset[type[RealtimeEvent]]] = (
    frozenset[type[RealtimeEvent]](
        (*ResponseSequencer.handlers, *ToolCalls.handlers, InputAudioBufferSpeechStartedEvent, SessionCreatedEvent)
    )
    - _MANY
)
"""Events after which the sequencer or the tool calls may have events to send or notices."""


class ConversationCore(HandlesEvents):
    """One conversation, over any number of connections.

        receive · lost · tick                            what happens; tick is due at `next_tick_at`
        send · update_session · append · respond · cancel · interrupt
                                                         what the application wants
        report_played · report_played_until              what the player reports, in bytes or milliseconds of a part
        tool_answered · tool_failed · cancel_tools       how the functions ended that `RunTool` asked for
        take_events · take_notices                       what the shell collects after each of these

    Give `receive` the events of `ClientProtocol.receive`, and `ClientProtocol.send` what `take_events` returns, each in
    order. Call from one thread at a time. `now` is any clock in seconds that does not go backwards; `new_id` makes an
    id for a kind of thing ("event", "item", "request").

    After `lost` nothing is sent. The first `session.created` of another connection opens the conversation again: the
    core sends the configuration, the confirmed items, and the items that were sent and never confirmed. A
    `SessionRestored` notice names what could not be restored. No other command is sent again. To rotate, open the new
    connection first, then call `lost` and continue with the events of the new one.

    Receiving never raises. What the application wants raises LocalProtocolError where the server would reject it.
    """

    def __init__(
        self, *, new_id: Callable[[str], str], options: CoreOptions | None = None, toolbox: Toolbox | None = None
    ) -> None:
        self.options: CoreOptions = options if options is not None else CoreOptions()
        self._events: list[ClientEvent | UnknownRealtimeEvent] = []
        self._notices: list[Notice] = []
        report_illegal = report_once(self._notices.append)
        self.sequencer: ResponseSequencer = ResponseSequencer(
            new_id=new_id,
            tag_requests=self.options.tag_requests,
            answer_within_s=self.options.answer_within_s,
            report_illegal=report_illegal,
        )
        kept, keep_audio_bytes = self.options.kept, self.options.keep_audio_bytes
        self.store: ConversationStore = ConversationStore(keep_audio_bytes=keep_audio_bytes, limits=kept)
        self.output_audio: OutputAudio = OutputAudio(notify=self._notices.append, report_illegal=report_illegal)
        self.usage: UsageLedger = UsageLedger()
        self.session_replay: SessionReplay = SessionReplay(new_id=new_id)
        self.checks: LocalChecks = LocalChecks(off=self.options.checks_off)
        self.input_audio: InputAudio = InputAudio(self.checks)
        self.calls: ToolCalls = ToolCalls(toolbox, new_id=new_id, limits=kept)
        self.silence: ResponseSilence = ResponseSilence(self.options.silence, call_runs=self.calls.runs_in)
        self.session_status: SessionStatus = SessionStatus()
        self.is_open: bool = True  # there is a connection; events may be sent before `session.created` arrives
        self.players: list[AttachedPlayer] = []  # asked before an interruption
        self._new_id = new_id
        self._pending_commands = PendingCommands()
        self._deduplicator = Deduplicator()
        self._lasting_events = 0
        self._parts = (
            self._pending_commands,
            self.checks,
            self.session_replay,
            self.sequencer,
            self.output_audio,
            self.silence,
            self.store,
            self.calls,
            EventNotices(self.store, notify=self._notices.append),
            self.usage,
            self.session_status,
        )

    # --- what the application wants

    def send(self, event: RealtimeEvent, *, policy: RequestPolicy = "wait", now: float) -> ResponseRequest | None:
        """Send any event. A `response.create` goes through `respond`, a `response.cancel` through `cancel`.

        Raises:
            NotConnected: the connection is lost.
            LocalProtocolError: the server would reject it, or only servers send it.
        """
        self._check_connected(f"send {event.type}")
        match event:
            case ResponseCreateEvent():
                return self.respond(event, policy=policy, now=now)
            case ResponseCancelEvent(response_id=target) if not is_set(target) or target == self.sequencer.active_id:
                self.cancel(now=now)
            case ClientEvent():
                for rest in self.input_audio.before(event):
                    self._append(rest)
                self.checks.check(event)
                self._enqueue(event)
            case UnknownRealtimeEvent():
                self._events.append(event)
            case _:
                raise LocalProtocolError(f"cannot send {event.type}: only servers send it")
        return None

    def update_session(self, config: AnySessionConfig) -> str | None:
        """Change the session's configuration. Later sessions start with it. Without a connection, the next one gets it.

        Returns the event's id, which `SessionUpdateEnded` has too; None without a connection.

        Raises:
            LocalProtocolError: the server would reject it.
        """
        event = SessionUpdateEvent(event_id=self._new_id("event"), session=config)
        self.checks.check(event)
        if not self.is_open:
            self.session_replay.sent(event)
            return None
        self._enqueue(event)
        return str(event.event_id)

    def append(
        self,
        audio: AudioBuffer,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
        send_now: Callable[[bytes], bool] | None = None,
    ) -> None:
        """Send input audio, converted to the session's format as one stream; by default it has that format.
        While no event waits, `send_now` gets it, and returns whether it has sent it: that costs less than an event.

        Raises:
            NotConnected: the connection is lost.
            LocalProtocolError: it is too much for one event.
            AudioError: audio that cannot be converted.
            MissingExtra: converting it needs the `audio` extra.
        """
        self._check_connected("append audio")
        for ready in self.input_audio.take(audio, encoding=encoding, rate_hz=rate_hz, channels=channels):
            self._append(ready, send_now)

    def end_input_stream(self) -> None:
        """The source of the appended audio ends here: send what its resampler still holds."""
        for rest in self.input_audio.rest() if self.is_open else ():
            self._append(rest)

    def respond(
        self, event: ResponseCreateEvent | None = None, *, policy: RequestPolicy = "wait", now: float
    ) -> ResponseRequest:
        """Ask for a response, now or when its turn comes. A `RequestEnded` notice with this request reports its end.

        Raises:
            NotConnected: the connection is lost.
            LocalProtocolError: the server would reject it, audio is appended and not committed that it seems to be
                about, or the policy is "refuse" and another response is active or requested.
        """
        event = event if event is not None else ResponseCreateEvent()
        self._check_connected("send response.create")
        self.checks.check(event)
        request = self.sequencer.request(event, policy=policy, now=now)
        if unheard_ms := self.checks.take_unheard_ms(event):
            self._notices.append(AudioNotCommitted(unheard_ms))
        self._collect(now)
        return request

    def cancel(self, request_id: str | None = None, *, now: float) -> bool:
        """Stop the response of a request, or the active one. False if there is none: then nothing is sent."""
        stopped = self.sequencer.cancel(request_id, now=now)
        self._collect(now)
        return stopped

    def interrupt(self, *, now: float) -> None:
        """The user interrupts, without turn detection: stop the response, and cut what was not played of it."""
        self.cancel(now=now)  # first, so that the server truncates an item that is complete
        if self.session_status.playing is not None and self.is_open:
            self._enqueue(OutputAudioBufferClearEvent())
        self._interrupt()

    # --- what the player and the functions report

    def report_played(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """This many more bytes of a part, in the wire's format, have been played."""
        self.output_audio.playback.played(item_id, content_index, n_bytes=n_bytes)

    def report_played_until(self, item_id: str, content_index: int = 0, *, position_ms: int) -> None:
        """A part has been played up to this position."""
        self.output_audio.playback.played_until(item_id, content_index, position_ms=position_ms)

    def tool_answered(self, call_id: str, result: object, *, now: float) -> None:
        """A function has returned: text, or anything that can be written as JSON. Late reports are ignored."""
        self.calls.answered(call_id, result)
        self._collect(now)

    def tool_failed(self, call_id: str, reason: str, *, now: float) -> None:
        """A function has raised, or taken too long; its output for the model is the reason."""
        self.calls.failed(call_id, reason)
        self._collect(now)

    def cancel_tools(self, call_id: str | None = None, *, now: float) -> None:
        """Cancel a function that runs, or all of them; `StopTool` notices name those to stop."""
        self._stop_tools(call_id)
        self._collect(now)

    # --- what happens

    def receive(self, event: RealtimeEvent, *, now: float) -> None:
        """An event of the server. A repeated one is dropped. One that cannot be read only makes a notice."""
        if self._deduplicator.is_repeated(event):
            return
        event_class = type(event)
        if event_class is SessionCreatedEvent and not self.is_open:
            self._reopen(now)
        self._lasting_events += event_class in LASTING
        if event_class is ResponseDoneEvent:
            event = self.store.completed(with_id(event, self.silence.running))  # type: ignore[arg-type]  # as its class says
        self._dispatch(event, EventContext(now))
        if event_class is UnknownRealtimeEvent and (end := readable_end(event)) is not None:  # type: ignore[arg-type]
            self._dispatch(self.store.completed(with_id(end, self.silence.running)), EventContext(now))

    def _dispatch(self, event: RealtimeEvent, context: EventContext) -> None:
        table = EVENT_TABLE if self.sequencer.awaits_beginning else _SETTLED_TABLE
        parts = self._parts
        for place, handler in table.get(type(event), ()):
            # The core is not among them: only the garbage collector would free an object that refers to itself.
            handler(parts[place] if place < _N_PARTS else self, event, context)

    def lost(self, reason: str = "the connection is lost", *, now: float) -> None:
        """The connection is lost: every request fails now, and nothing is sent before there is another one."""
        if not self.is_open:
            return
        self.is_open = False
        self._events.clear()
        self.input_audio.clear()
        self.session_status.lost()
        unanswered = self._pending_commands.commands
        self.session_replay.lost(unanswered)
        updates = (command for command in unanswered if isinstance(command, SessionUpdateEvent))
        self._notices += [SessionUpdateEnded(event=update, reason=reason) for update in updates]
        self._pending_commands.clear()
        self.sequencer.lost(reason)
        self.silence.clear()
        self.calls.lost()
        self._deduplicator.clear()
        self._notices.append(ConnectionLost(reason))
        self._collect(now)

    @property
    def excess(self) -> str | None:
        """Why this conversation must end: the server has sent more than a client keeps. None while it has not."""
        excess, max_events = self.store.excess or self.calls.excess, self.options.kept.lasting_events
        if self._lasting_events > max_events:
            excess = f"more than {max_events} events that leave something behind"
        return f"the server sent {excess}, which is more than is kept (CoreOptions.kept)" if excess else None

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity while nothing is waited for."""
        calls_end_by = self.calls.silent_since + self.options.silence.open_s
        return min(self.sequencer.next_tick_at, self.silence.next_tick_at, calls_end_by)

    def tick(self, now: float) -> None:
        """Time has passed."""
        for end in self.silence.take_ends(now):
            told = self.store.completed(end.event)
            self._dispatch(told, EventContext(now=now, silence=end.reason, all_told=end.all_told))
        self.calls.give_up_server_calls(limit_s=self.options.silence.open_s, now=now)
        self.sequencer.tick(now)
        self._collect(now)

    @property
    def says_nothing_more(self) -> bool:
        """Whether no response runs or is asked for, and no function whose answer the model waits for."""
        idle = self.sequencer.state is SequenceState.IDLE and not self.sequencer.pending
        return idle and self.calls.all_answered

    @property
    def between_turns(self) -> bool:
        """Whether there is no speech, no response and no pending command: the connection can change unnoticed."""
        return (
            self.says_nothing_more
            and self.session_status.is_quiet
            and not self.output_audio.playback.playing
            and not len(self._pending_commands)
        )

    def rotation_due(self, *, unix_now_s: float) -> bool:
        """Whether to rotate to another connection now, before the server ends the session."""
        ends_at = self.session_status.expires_at
        return rotation_due(unix_now_s, ends_at, between_turns=self.between_turns, limits=self.options.rotation)

    # --- what the shell collects

    @property
    def has_events(self) -> bool:
        """Whether there are events to send."""
        return bool(self._events)

    def take_events(self) -> list[ClientEvent | UnknownRealtimeEvent]:
        """Events to send since the last call, in order."""
        events, self._events = self._events, []
        return events

    def take_notices(self) -> list[Notice]:
        """Notices for the application since the last call, in order."""
        notices = self._notices.copy()
        self._notices.clear()  # the same list: the parts append to it
        return notices

    # --- what follows from an event for the conversation as a whole

    @on(InputAudioBufferSpeechStartedEvent)
    def _speech_started(self, event: InputAudioBufferSpeechStartedEvent, context: EventContext) -> None:
        # Rules `barge_in.websocket` and `vad.no_interrupt`: the server cancels the response, or lets it go on.
        if self.session_status.interrupts and self.options.truncate_on_speech:
            self._interrupt()
        if self.session_status.interrupts and self.options.stop_tools_on_speech:
            self._stop_tools()

    @on(*UsageLedger.handlers)
    def _usage(self, event: RealtimeEvent, context: EventContext) -> None:
        if (usage := self.usage.take_change()) is not None:
            self._notices.append(UsageChanged(usage))

    @on(*_COLLECTED_AFTER)  # the last handler: it collects what the ones before it have produced
    def _collect_after(self, event: RealtimeEvent, context: EventContext) -> None:
        self._collect(context.now)

    @on(*_MANY)
    def _collect_after_first(self, event: RealtimeEvent, context: EventContext) -> None:
        if context.unannounced:
            self._collect(context.now)

    def _interrupt(self) -> None:
        have_more = [player.report_now() for player in self.players]
        interruption = self.output_audio.interrupt(self.sequencer.active_id)
        truncate, is_call = interruption.truncate, self.session_status.is_call
        if truncate is not None and truncate.item_id in self.store and self.is_open and not is_call:
            self._enqueue(truncate)
        elif truncate is not None:  # the server cuts itself; out of band, or of a lost session, it has no such item
            interruption = msgspec.structs.replace(interruption, truncate=None)
        if interruption.cut or any(have_more):
            self._notices.append(Interrupted(interruption))

    def _append(self, audio: bytes, send_now: Callable[[bytes], bool] | None = None) -> None:
        self.checks.check_audio(len(audio))
        self.checks.appended(len(audio))
        if self._events or send_now is None or not send_now(audio):
            self._events.append(InputAudioBufferAppendEvent.from_audio(audio))

    def _stop_tools(self, call_id: str | None = None) -> None:
        self._notices += [StopTool(cancelled) for cancelled in self.calls.cancel(call_id)]

    def _enqueue(self, event: ClientEvent) -> None:
        """Queue an event for sending, and report it to the parts that match its answer."""
        if not is_set(event.event_id):
            event = msgspec.structs.replace(event, event_id=self._new_id("event"))
        if isinstance(event, ConversationItemDeleteEvent):
            self.output_audio.playback.forget(event.item_id)
        self._pending_commands.sent(event)
        self.session_replay.sent(event)
        self.checks.sent(event)
        self.calls.sent(event)
        self._events.append(event)

    def _collect(self, now: float) -> None:
        """Collect the events and notices of the sequencer and the tool calls."""
        self._notices += [RunTool(call) for call in self.calls.take_runs()]
        if self.is_open:
            for answer in self.calls.take_events():
                self._enqueue(answer)
            self._notices += requests_ended(self.sequencer, self.calls)
            goes_on = self.options.continue_after_tools
            self._notices += calls_answered(self.sequencer, self.calls, goes_on=goes_on, now=now)
            for event in self.sequencer.take_events():
                self._enqueue(event)
        else:
            self._notices += requests_ended(self.sequencer, self.calls)

    def _check_connected(self, act: str) -> None:
        if not self.is_open:
            raise NotConnected(
                f"cannot {act}: the connection is lost and another one is being opened; wait for it with restored()"
            )

    def _reopen(self, now: float) -> None:
        """Another session: send it the configuration and the items of the one before."""
        self.is_open = True
        replay = self.session_replay.replay(self.store.items)
        self.store.clear()
        self._lasting_events = 0
        self.output_audio.clear()
        self.checks.connected()
        self.usage.connected()
        for event in replay.events:
            self._enqueue(event)
        self._notices.append(replay.restored)
        if replay.answers_calls and self.options.continue_after_tools:
            self.sequencer.request(now=now)  # the request that followed the answers is lost with them


ORDER: Final[tuple[type[HandlesEvents], ...]] = (
    PendingCommands,  # fills in the command that an event answers; the parts below read it
    LocalChecks,
    SessionReplay,
    ResponseSequencer,  # fills in which responses are out of band
    OutputAudio,  # fills in the audio to play and its encoding
    ResponseSilence,
    ConversationStore,
    ToolCalls,
    EventNotices,  # reads the items in the store
    UsageLedger,
    SessionStatus,
    ConversationCore,  # reads what the parts have produced
)
"""The order in which an event reaches the parts."""

_N_PARTS: Final = len(ORDER) - 1
"""All but the core."""

EVENT_TABLE: Final = dispatch_table(ORDER)
"""By class of event: its handlers, each with the index of its part in `ORDER`."""

_OF_A_BEGINNING: Final = (ResponseSequencer.begins_unannounced, ConversationCore._collect_after_first)

_SETTLED_TABLE: Final = {
    event_class: tuple(entry for entry in handlers if entry[1] not in _OF_A_BEGINNING)
    for event_class, handlers in EVENT_TABLE.items()
}
"""The same without those that only act while a request waits for its response to begin: a response has many events."""
