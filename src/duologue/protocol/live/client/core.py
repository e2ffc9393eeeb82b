"""A client's Live session without I/O. The asyncio client runs it, and any other loop can.

Live has no turns: sound goes in and comes out without a break, on one timeline, and work is handed over to the
application (https://platform.openai.com/docs/guides/live). There is no resume: a session whose connection is lost is
over, and a stored one goes on by a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf
from typing import Any, Final, Literal, TypeAlias

import msgspec

from duologue.audio.formats import PCM, Encoding
from duologue.errors import LocalProtocolError
from duologue.events import is_set
from duologue.events.live import (
    AnyLiveClientEvent,
    AnyLiveEvent,
    LiveClientEvent,
    LiveCommentaryAppendEvent,
    LiveDecisionEvent,
    LiveDelegationCreatedEvent,
    LiveErrorEvent,
    LiveInputAudioAppendEvent,
    LiveInputAudioMutedEvent,
    LiveInputAudioUnmutedEvent,
    LiveInputTranscriptDeltaEvent,
    LiveInstructionsAppendEvent,
    LiveOutputAudioDeltaEvent,
    LiveOutputAudioFixturePlayedEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveOutputAudioFixturePlayingEvent,
    LiveOutputTranscriptDeltaEvent,
    LiveResponseEvent,
    LiveServerEvent,
    LiveSession,
    LiveSessionClosedEvent,
    LiveSessionCloseEvent,
    LiveSessionConfig,
    LiveSessionStartedEvent,
    LiveSessionStartEvent,
    LiveSessionUpdatedEvent,
    LiveSessionUsage,
    LiveSessionUsageUpdatedEvent,
    LiveThinkingAppendEvent,
    UnknownLiveEvent,
)
from duologue.protocol.live.client.delegations import Delegations
from duologue.protocol.live.client.fixture import FixturePlayback
from duologue.protocol.live.client.notices import (
    CommandEnded,
    DecisionMade,
    DelegationStarted,
    FixtureEnded,
    InputAudioCopy,
    LiveAudioPiece,
    LiveErrorReported,
    LiveNotice,
    LiveUnreadable,
    LiveUsage,
    ResponsesEvent,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    TimeStalled,
)
from duologue.protocol.live.client.options import LiveOptions
from duologue.protocol.live.client.pending_commands import PendingCommand, PendingLiveCommands
from duologue.protocol.live.client.session_format import session_encodings
from duologue.protocol.live.client.timeline import InputTimeline, OutputTimeline
from duologue.protocol.live.client.transcript import TranscriptGrouper
from duologue.protocol.states import LIVE, LIVE_ENDS, LiveInput, LiveState, report_once, step

__all__ = ["MAX_FIXTURE_S", "Append", "LiveCore"]

Append: TypeAlias = Literal["instructions", "thinking", "commentary"]

_APPENDS: Final[
    dict[Append, type[LiveInstructionsAppendEvent | LiveThinkingAppendEvent | LiveCommentaryAppendEvent]]
] = {
    "instructions": LiveInstructionsAppendEvent,
    "thinking": LiveThinkingAppendEvent,
    "commentary": LiveCommentaryAppendEvent,
}

MAX_FIXTURE_S: Final = 30
"""The longest clip that servers play."""


class LiveCore:
    """One Live session over one connection.

        start · close                                 the session
        append_audio · append · mute · update · play_fixture · send
                                                      what the application wants
        function_answered                             how the functions ended that `RunFunction` asked for
        receive · lost · tick                         what happens; tick is due at `next_tick_at`
        take_events · take_notices                    what the shell collects after each of these

    Call from one thread at a time. `now` is any clock in seconds that does not go backwards; `new_id` makes the ids of
    commands. Nothing is sent before the session runs, and nothing after its end: a verb raises LocalProtocolError
    then. Receiving never raises. Every command that the server answers ends with one `CommandEnded`, and the session
    with one `SessionEnded`.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[str], str],
        options: LiveOptions | None = None,
        sideband: bool = False,
        encodings: tuple[Encoding, Encoding] = (PCM, PCM),
    ) -> None:
        """`sideband`: it is attached to a session whose audio runs over another connection. It sends no audio, gets
        both directions as 24 kHz PCM, and begins with `attach`. `encodings` are those of input and output where the
        session does not say them.
        """
        self.is_sideband = sideband
        self.options: LiveOptions = options if options is not None else LiveOptions()
        self.state: LiveState = LiveState.CONNECTED
        self.session: LiveSession | None = None
        """The session as the server last sent it."""
        self.usage: LiveSessionUsage | None = None
        """The last report: what the session has cost since its start."""
        self.encoding: Encoding = encodings[0]
        self.output_encoding: Encoding = encodings[1]
        """Of the input, and of the output; one format for both but for a vendor's own."""
        self.is_muted: bool = False
        self._new_id = new_id
        self._events: list[AnyLiveClientEvent | UnknownLiveEvent] = []
        self._notices: list[LiveNotice] = []
        self._report_illegal = report_once(self._notices.append)
        self._commands = PendingLiveCommands(answer_within_s=self.options.answer_within_s)
        self._delegations = Delegations()
        self.transcript: TranscriptGrouper = TranscriptGrouper()
        """What was said so far."""
        self._input: InputTimeline | None = None
        self._output: OutputTimeline | None = None
        self._fixture = FixturePlayback()
        self._state_ends_by = inf

    # --- what the application wants

    def start(self, config: LiveSessionConfig, *, now: float) -> str:
        """Start the session. Returns the command's id; `SessionStarted` or `SessionEnded` says how it went.

        Raises:
            LocalProtocolError: it has been started, or is over.
        """
        if self.state is not LiveState.CONNECTED or self.is_sideband:
            what = "a sideband is attached to a session that runs" if self.is_sideband else f"it is {self.state.value}"
            raise LocalProtocolError(f"cannot start the session: {what}")
        self._step(LiveInput.START_SENT)
        self._state_ends_by = now + self.options.start_within_s
        return self._enqueue(LiveSessionStartEvent(session=config), now)

    def attach(self, *, now: float) -> None:
        """Wait for the `session.started` that a sideband is sent again; `SessionStarted` or `SessionEnded` reports."""
        self._step(LiveInput.START_SENT)
        self._state_ends_by = now + self.options.start_within_s

    def close(self, *, now: float) -> None:
        """Ask for the end of the session; `SessionEnded` reports it. Closing twice is fine."""
        if self.state is LiveState.RUNNING:
            self._step(LiveInput.CLOSE_SENT)
            self._state_ends_by = now + self.options.close_within_s
            self._enqueue(LiveSessionCloseEvent(), now)

    def append_audio(self, audio: bytes, *, now: float) -> None:
        """Send input audio, in the session's format. The session's time advances with it, silence included.

        Raises:
            LocalProtocolError: the session does not run, or PCM ends inside a sample.
        """
        self._require_running("send audio")
        if self.is_sideband:
            raise LocalProtocolError("cannot send audio on a sideband: the primary connection carries the audio")
        if len(audio) % self.encoding.bytes_per_sample:
            raise LocalProtocolError(
                f"cannot send {len(audio)} bytes of {self.encoding.type}: the last sample is not complete"
            )
        self._send_audio(audio, now)

    def append(self, kind: Append, content: str, *, delegation_id: str | None = None, now: float) -> str:
        """Add a rule, a silent fact, or something to say to the voice model's context. Returns the command's id.

        Raises:
            LocalProtocolError: the session does not run, a clip is being played, or the delegation did not go to the
                client.
        """
        self._require_running(f"append {kind}")
        if self._fixture.command_id is not None:
            raise LocalProtocolError(f"cannot append {kind} while a clip is being played; wait for FixtureEnded")
        if delegation_id is not None and self._delegations.target_of(delegation_id) == "responses":
            raise LocalProtocolError(
                f"cannot append {kind} to {delegation_id}: the Responses model answers it; omit the delegation_id"
            )
        return self._enqueue(_APPENDS[kind](delegation_id=delegation_id, content=content), now)

    def play_fixture(self, pcm16: bytes, *, now: float) -> str:
        """Play a clip in place of the model: mono PCM16 at 24 kHz, in every session. Returns the command's id.

        Raises:
            LocalProtocolError: the session does not run, another clip is being played, or this one is empty, longer
                than 30 s, or ends inside a sample.
        """
        self._require_running("play a clip")
        if self._fixture.command_id is not None:
            raise LocalProtocolError("cannot play a clip while another one is being played; wait for FixtureEnded")
        if not pcm16 or len(pcm16) % 2:
            raise LocalProtocolError(f"a clip is whole 16-bit samples, not {len(pcm16)} bytes")
        if len(pcm16) > MAX_FIXTURE_S * PCM.bytes_per_s:
            raise LocalProtocolError(f"a clip lasts {MAX_FIXTURE_S} s at most, not {len(pcm16) / PCM.bytes_per_s:g} s")
        command_id = self._enqueue(LiveOutputAudioFixturePlayEvent.from_audio(pcm16), now)
        self._fixture.sent(command_id, lasts_s=len(pcm16) / PCM.bytes_per_s)
        return command_id

    def send(self, event: LiveClientEvent | UnknownLiveEvent, *, now: float) -> str:
        """Send any other command, or one of an unknown type as it is. Returns its id.

        The output of a function that is sent so is the application's answer: its `response.create` is too.

        Raises:
            LocalProtocolError: the session does not run, or this core has a verb of its own for the command.
        """
        match event:
            case LiveSessionStartEvent(session=config):
                return self.start(config, now=now)
            case LiveSessionCloseEvent() | LiveInputAudioAppendEvent() | LiveOutputAudioFixturePlayEvent():
                raise LocalProtocolError(f"cannot send {event.type} so: close, append_audio and play_fixture send it")
            case UnknownLiveEvent():
                self._require_running("send a command of an unknown type")
                self._events.append(event)
                named = event.json.get("event_id")
                return named if isinstance(named, str) else ""
            case _:
                self._require_running(f"send {event.type}")
                self._delegations.sent(event)
                return self._enqueue(event, now)

    def function_answered(self, call_id: str, output: str, *, now: float) -> None:
        """A function has ended: its output for the model, or what went wrong. Late reports are ignored."""
        if self.state is LiveState.RUNNING:
            self._enqueue_all(self._delegations.answered(call_id, output, now=now), now)
            self._enqueue_all(self._delegations.due(now), now)

    def awaits_answer(self, command_id: str) -> bool:
        """Whether a command was sent whose answer has not come."""
        return command_id in self._commands

    # --- what happens

    def receive(self, event: AnyLiveEvent, *, now: float) -> None:
        """An event of the server. One that cannot be read only makes a notice; after the end, none does."""
        if self.state in LIVE_ENDS:
            return
        if isinstance(event, UnknownLiveEvent):
            self._notices.append(LiveUnreadable(event=event, problem=event.problem))
            return
        if isinstance(event, LiveErrorEvent):
            self._error(event)
            return
        answered = self._commands.answered(event) if isinstance(event, LiveServerEvent) else None
        if answered is not None:
            self._notices.append(CommandEnded(command_id=answered.command_id, command=answered.event, answer=event))
        self._handle(event, now)

    def lost(self, reason: str, *, now: float) -> None:
        """The connection is closed. Without `session.closed` before it the session is not finalised."""
        if self.state not in LIVE_ENDS:
            self._step(LiveInput.LOST)
            self._end(finalised=False, reason=reason)

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity while nothing is waited for."""
        if self.state in LIVE_ENDS:
            return inf
        is_running = self.state is LiveState.RUNNING
        return min(
            self._state_ends_by,
            self._fixture.ends_by,
            self._commands.next_deadline,
            self.transcript.next_tick_at,
            self._delegations.next_tick_at if is_running else inf,
            self._input.next_tick_at if is_running and self._input is not None else inf,
        )

    def fill_silence(self, fills: bool, *, now: float) -> None:
        """Begin or end to send silence where no audio comes. Nothing changes where the options ask for it anyway."""
        if self._input is not None and not self.options.fill_silence:
            self._input.set_filling(fills, now)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.state in LIVE_ENDS:
            return
        if now >= self._state_ends_by:
            waited_for = "session.started" if self.state is LiveState.STARTING else "session.closed"
            self._step(LiveInput.OVERDUE)
            self._end(finalised=False, reason=f"the server did not send {waited_for} in time")
            return
        for command in self._commands.take_overdue(now):
            self._give_up(command, f"not answered within {self.options.answer_within_s:g} s")
        if now >= self._fixture.ends_by:
            self._notices.append(FixtureEnded(command_id=self._fixture.over(), played=False))
        if self.state is LiveState.RUNNING:
            self._enqueue_all(self._delegations.due(now), now)
            self._advance(now)
        self._notices += self.transcript.tick(now)

    # --- what the shell collects

    @property
    def is_over(self) -> bool:
        """Whether nothing more is sent or received."""
        return self.state in LIVE_ENDS

    @property
    def n_unsent(self) -> int:
        """Commands that wait for `take_events`."""
        return len(self._events)

    def take_events(self) -> list[AnyLiveClientEvent | UnknownLiveEvent]:
        """Commands to send since the last call, in order."""
        events, self._events = self._events, []
        return events

    def take_notices(self) -> list[LiveNotice]:
        """Notices for the application since the last call, in order."""
        notices = self._notices.copy()
        self._notices.clear()  # the same list: the parts append to it
        return notices

    # --- events

    def _handle(self, event: AnyLiveEvent, now: float) -> None:
        match event:
            case LiveSessionStartedEvent() if self.state in (LiveState.CONNECTED, LiveState.STARTING):
                self._started(event.session, now)
            case LiveSessionUpdatedEvent() | LiveSessionStartedEvent():  # one that runs starts no second time
                self.session = event.session
                self._notices.append(SessionUpdated(event.session))
            case LiveSessionClosedEvent():
                self._closed(event)
            case LiveSessionUsageUpdatedEvent():
                self.usage = event.usage
                window = event.context_window if is_set(event.context_window) else None
                self._notices.append(LiveUsage(usage=event.usage, context_window=window))
            case LiveOutputAudioDeltaEvent():
                self._audio(event)
            case LiveInputTranscriptDeltaEvent():
                self._notices += self.transcript.add("user", event.delta, event.start_ms, event.end_ms, now=now)
            case LiveOutputTranscriptDeltaEvent():
                self._notices += self.transcript.add("assistant", event.delta, event.start_ms, event.end_ms, now=now)
            case LiveDelegationCreatedEvent():
                self._delegations.started(event.delegation)
                self._notices += self.transcript.settle()
                self._notices.append(DelegationStarted(delegation=event.delegation, offset_ms=event.offset_ms))
            case LiveResponseEvent():
                delegation_id = event.delegation_id if is_set(event.delegation_id) else None
                self._notices.append(ResponsesEvent(event=event.event, delegation_id=delegation_id))
                self._notices += self._delegations.received(event, now=now)
                self._enqueue_all(self._delegations.due(now), now)
            case LiveDecisionEvent():
                self._notices.append(DecisionMade(event))
            case LiveOutputAudioFixturePlayedEvent():
                self._notices.append(FixtureEnded(command_id=self._fixture.over(), played=True))
            case LiveOutputAudioFixturePlayingEvent():
                self._fixture.playing(now)
            case LiveInputAudioMutedEvent() | LiveInputAudioUnmutedEvent():
                self.is_muted = isinstance(event, LiveInputAudioMutedEvent)
            case LiveInputAudioAppendEvent():
                self._copied(event)
            case _:
                pass  # an answer, which ends its command, or an event that only the application acts on

    def _started(self, session: LiveSession, now: float) -> None:
        self._step(LiveInput.STARTED)
        self._state_ends_by = inf
        self.session = session
        if not self.is_sideband:
            self.encoding, self.output_encoding = session_encodings(session, (self.encoding, self.output_encoding))
            self._input = InputTimeline(
                self.encoding, stall_after_s=self.options.stall_after_s, fills=self.options.fill_silence
            )
            self._input.began(now)
        self._output = OutputTimeline(self.output_encoding)
        self._notices.append(SessionStarted(session))

    def _closed(self, event: LiveSessionClosedEvent) -> None:
        if is_set(event.usage):
            self.usage = event.usage
        if is_set(event.session):
            self.session = event.session
        self._step(LiveInput.FINALISED)
        self._end(finalised=True, reason=event.reason)

    def _error(self, event: LiveErrorEvent) -> None:
        if self.state is LiveState.STARTING:
            # Every error before the start answers it: such an error names no command, and the connection ends soon.
            self._notices.append(LiveErrorReported(event=event))
            self._step(LiveInput.REFUSED)
            message = event.error.message if is_set(event.error.message) else "the server gave no reason"
            self._end(finalised=False, reason=f"the server refused the start: {message}", error=event)
            return
        refused = self._commands.refused(event)
        if refused is not None:
            self._notices.append(CommandEnded(command_id=refused.command_id, command=refused.event, answer=event))
            self._fixture.refused(refused.command_id)
        self._notices.append(
            LiveErrorReported(event=event, command_id=refused.command_id if refused is not None else None)
        )

    def _audio(self, event: LiveOutputAudioDeltaEvent) -> None:
        audio = self._sound_of(event, self.output_encoding)
        if audio is None:
            return
        output = self._output = self._output if self._output is not None else OutputTimeline(self.output_encoding)
        start_ms, gap_ms = output.placed(len(audio), event.start_ms if is_set(event.start_ms) else None)
        piece = LiveAudioPiece(audio=audio, encoding=self.output_encoding, start_ms=start_ms, gap_ms=gap_ms)
        self._notices.append(piece)

    def _copied(self, event: LiveInputAudioAppendEvent) -> None:
        if (audio := self._sound_of(event, self.encoding)) is not None:
            self._notices.append(InputAudioCopy(audio=audio, encoding=self.encoding))

    def _sound_of(
        self, event: LiveOutputAudioDeltaEvent | LiveInputAudioAppendEvent, encoding: Encoding
    ) -> bytes | None:
        """The audio of an event; None, and a notice, if it is none. Half a sample would make noise of all after it."""
        try:
            audio = event.decode_audio()
            problem = "its audio ends inside a sample" if len(audio) % encoding.bytes_per_sample else ""
        except ValueError as fault:
            audio, problem = b"", str(fault)
        if problem:
            self._notices.append(LiveUnreadable(event=event, problem=problem))
        return None if problem else audio

    # --- time, and the end

    def _advance(self, now: float) -> None:
        if self._input is None:
            return  # a sideband sends no audio
        if silent := self._input.fill(now):
            self._send_audio(silent, now)
        if self._input.stalled(now):
            self._notices.append(TimeStalled(self._input.position_ms))

    def _end(self, *, finalised: bool, reason: str, error: LiveErrorEvent | None = None) -> None:
        self._state_ends_by = inf
        self._events.clear()
        self._notices += self.transcript.end()
        self._notices += self._delegations.drop()
        for command in self._commands.take_all():
            refusal = error if isinstance(command.event, LiveSessionStartEvent) else None
            self._give_up(command, f"the session is over: {reason}", answer=refusal)
        self._notices.append(SessionEnded(finalised=finalised, reason=reason, error=error, usage=self.usage))

    def _give_up(self, command: PendingCommand, reason: str, *, answer: LiveErrorEvent | None = None) -> None:
        self._fixture.refused(command.command_id)
        self._notices.append(
            CommandEnded(command_id=command.command_id, command=command.event, answer=answer, reason=reason)
        )

    # --- sending

    def _require_running(self, what: str) -> None:
        if self.state is not LiveState.RUNNING:
            raise LocalProtocolError(f"cannot {what}: the session is {self.state.value}")

    def _send_audio(self, audio: bytes, now: float) -> None:
        assert self._input is not None  # the session runs
        self._events.append(LiveInputAudioAppendEvent.from_audio(audio))
        self._input.sent(len(audio), now)

    def _enqueue_all(self, events: Iterable[LiveClientEvent], now: float) -> None:
        for event in events:
            self._enqueue(event, now)

    def _enqueue(self, event: Any, now: float) -> str:
        command_id: str = event.event_id if is_set(event.event_id) else self._new_id("event")
        if command_id in self._commands:
            raise LocalProtocolError(f"cannot send {event.type}: a command with this event_id waits for its answer")
        command: AnyLiveClientEvent = msgspec.structs.replace(event, event_id=command_id)
        self._events.append(command)
        if (given_up := self._commands.sent(command_id, command, now=now)) is not None:
            self._give_up(given_up, "too many commands wait for their answers")
        return command_id

    def _step(self, happened: LiveInput) -> None:
        self.state = step(LIVE, self.state, happened, report=self._report_illegal) or self.state
