"""The server's side of one Live session.

The clients' messages and the engines' reports go in; events for the connections and commands for the shell come out.
There is no I/O, no clock and no random number; audio is moved, and converted for sidebands and fixtures.

    receive_text · receive · lost · stop · tick                            what the shell reports
    attach · detach                                                        sidebands
    detected · detection_failed                                            answers to `Detect`
    transcript · transcription_failed                                      answers to `TranscribeUtterance`
    reply_text · reply_clause · reply_audio · reply_call
    reply_finished · reply_failed                                          answers to `LiveReply`
    take_outgoing · take_commands                                          the shell collects these after each call
    next_tick_at                                                           and reads this again: any call can change it

Every method that takes `now` may be called at any time and never raises for what a client or an engine did: the answer
to an invalid message is an `error` event, and a report about something that has ended is stale and is ignored. An
engine that fails is reported as such, with a sentence for the client.

The session's time advances with input audio, and never faster than the clock
(https://platform.openai.com/docs/guides/live).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final

from duologue.events import UNSET
from duologue.events.live import (
    AnyLiveClientEvent,
    AnyLiveEvent,
    LiveInputAudioAppendEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmuteEvent,
    LiveResponseCreateEvent,
    LiveResponseItemCreateEvent,
    LiveSessionClosedEvent,
    LiveSessionCloseEvent,
    LiveSessionStartedEvent,
    LiveSessionStartEvent,
    UnknownLiveEvent,
)
from duologue.protocol.live.server.commands import LiveCommand
from duologue.protocol.live.server.config import forked, started
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand, error_event
from duologue.protocol.live.server.outgoing import ALL, PRIMARY, SIDEBANDS, LiveOutbox, LiveOutgoing
from duologue.protocol.live.server.reading import accept, event_id_of, read_message, reference_to
from duologue.protocol.live.server.session import RunningSession, audio_of
from duologue.protocol.live.server.sound.mixer import PIECE_MS
from duologue.protocol.live.server.stored import StoredLiveSession
from duologue.protocol.server.account import Charge, MemoryAccount
from duologue.protocol.server.clock import Clock
from duologue.protocol.server.commands import Close
from duologue.protocol.states import (
    LIVE_SERVER,
    LIVE_SERVER_ENDS,
    LiveServerInput,
    LiveServerState,
    report_once,
    step,
)

__all__ = ["LiveServerProtocol"]

_REFUSED_FOR_S: Final = 2.0
"""How long the connection stays after its start was refused, as measured at the hosted service."""

_AT_ONCE_MS: Final = 2_000
"""So much of the session's time passes in one call, which takes 2 ms with sidebands and another sample rate. Input that
comes in a burst would keep all sessions waiting; `next_tick_at` has come already while some is left."""

_EARLY_MS: Final = 0.001
"""A timer may fire this much early: sums of seconds are rounded."""

_FINISHED: Final = Close(1000, "the session is closed")
_REFUSED: Final = Close(1008, "the session was refused")
_LOST: Final = Close(1001, "the session's primary connection is lost")
_GOING_AWAY: Final = Close(1001, "the server is going away")
_BROKEN: Final = Close(1011, "an engine failed")

_WHILE_CLOSING: Final = (
    LiveInputAudioAppendEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmuteEvent,
    LiveResponseItemCreateEvent,
    LiveResponseCreateEvent,
)
"""What is taken after `session.close`: input, and the outputs that running work needs."""


class LiveServerProtocol:
    """One session, seen from the server.

    `new_id` makes an id for a kind of object ("live", "event", "item", "resp", "fc", "call", "msg", "reply", "utt").
    `now` is a monotonic clock in seconds, the same one in every call. `started_at` is the Unix time of `now`. `charge`
    is called with every change of what the session holds in memory, and can reject more. With `stored` the session is
    a fork of it.
    """

    def __init__(
        self,
        defaults: LiveDefaults | None = None,
        *,
        new_id: Callable[[str], str],
        now: float,
        started_at: float,
        charge: Charge | None = None,
        stored: StoredLiveSession | None = None,
    ) -> None:
        self._limits = limits = defaults or LiveDefaults()
        self._account = MemoryAccount(limits.max_session_bytes, *(() if charge is None else (charge,)))
        self._clock = Clock(now)
        self._unix_offset = started_at - now
        self._out = LiveOutbox(new_id)
        self._report_illegal = report_once(self._out.command)
        self._fork_of = stored
        self._running: RunningSession | None = None
        self._result: StoredLiveSession | None = None
        self._began_at = now
        self._state_ends_at = now + limits.start_within_s
        """When the wait for the start, the time after a refusal, the session, or its drain is over."""
        self._starves_at = inf
        self._draining_from: tuple[int, float] | None = None
        """The position and the time of the close: since then, time passes without input."""
        self._close_id: str | None = None
        self.session_id: str = new_id("live")
        self.state: LiveServerState = LiveServerState.WAITING
        self.take_outgoing: Callable[[], list[LiveOutgoing]] = self._out.take_events
        """Events since the last call, in order."""
        self.take_commands: Callable[[], list[LiveCommand]] = self._out.take_commands
        """Commands since the last call, in order. A `Close` comes after the events of `take_outgoing`."""

    # --- the shell

    @property
    def is_running(self) -> bool:
        """Whether the session has started and has not ended: a sideband can be attached."""
        return self.state in (LiveServerState.RUNNING, LiveServerState.CLOSING)

    @property
    def is_over(self) -> bool:
        """Whether nothing follows any more; a `Close` is among the commands, or has been."""
        return self.state in LIVE_SERVER_ENDS

    @property
    def input_ms(self) -> int:
        """Length of all input audio so far, in milliseconds."""
        return self._running.input.received_ms if self._running is not None else 0

    @property
    def position_ms(self) -> int:
        """How far the session's time has come, in milliseconds."""
        return self._running.input.position_ms if self._running is not None else 0

    @property
    def voice_ahead_ms(self) -> int:
        """Speech that was reported and is not heard yet, in milliseconds.

        Wait with the next `reply_audio` while this is above some seconds: it falls as the session's time advances. At
        `LiveDefaults.max_voice_ahead_ms` the reply fails.
        """
        return self._running.mixer.voice_ahead_ms if self._running is not None else 0

    @property
    def held(self) -> Mapping[str, int]:
        """Bytes that the session holds in memory, by kind."""
        return self._account.held

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity once the session is over."""
        if self.is_over:
            return inf
        return min(self._state_ends_at, self._starves_at, self._next_piece_at)

    def tick(self, now: float) -> None:
        """Time has passed. A call before `next_tick_at` changes nothing."""
        self._pass_time(now)

    def receive_text(self, message: str | bytes, *, now: float, source: str = PRIMARY) -> None:
        """A message of the primary connection, or of the sideband whose id is `source`; text or binary."""
        try:
            event = read_message(message, self._limits)
        except RefusedCommand as refused:
            self._pass_time(now)
            self._refuse(refused, None, source)
        else:
            self.receive(event, now=now, source=source)

    def receive(self, event: AnyLiveEvent, *, now: float, source: str = PRIMARY) -> None:
        """The same for an event that has been decoded."""
        self._pass_time(now)
        if self.is_over:
            return
        try:
            if type(event) is LiveInputAudioAppendEvent and not event.extra and self._running is not None:
                # Nine in ten events are appends without extra fields, in which only the audio can be wrong.
                self._append_audio(event, source)
            else:
                self._carry_out(accept(event, self._limits), source)
        except RefusedCommand as refused:
            self._refuse(refused, event, source)
        self._pass_time(now)

    def attach(self, sideband_id: str, *, now: float) -> bool:
        """A sideband connects: it gets `session.started` first. False if the session does not run, or has too many."""
        self._pass_time(now)
        running = self._running
        if running is None or not self.is_running or not running.sidebands.attach(sideband_id):
            return False
        self._out.send(LiveSessionStartedEvent(event_id=self._out.event_id(), session=running.session), sideband_id)
        return True

    def detach(self, sideband_id: str, *, now: float) -> None:
        """A sideband is gone; the session goes on."""
        if self._running is not None:
            self._running.sidebands.detach(sideband_id)
        self._pass_time(now)

    def lost(self, *, now: float) -> None:
        """The primary connection is gone: the session is over and not finalised, which the sidebands are told."""
        self._clock.advance_to(now)
        if self.is_over:
            return
        self._step(LiveServerInput.LOST)
        running = self._running
        if running is not None:
            running.end()
            self._out.send(self._closed(running, "connection_lost"), SIDEBANDS)
        self._out.command(_LOST)

    def stop(self, *, now: float) -> None:
        """The server wants the end, as if the client had sent `session.close`: what was begun is finished first."""
        self._pass_time(now)
        if self.state is LiveServerState.RUNNING:
            self._close(None)
            self._pass_time(now)
        elif self.state in (LiveServerState.WAITING, LiveServerState.REFUSED):
            self._step(LiveServerInput.LOST)
            self._out.command(_GOING_AWAY)

    def stored(self) -> StoredLiveSession | None:
        """What to keep of the session. None unless it was finalised and its client asked for `store`."""
        return self._result

    # --- the engines

    def detected(self, probabilities: Sequence[float], frame_ms: float, *, now: float) -> None:
        """Answers `Detect`: speech probabilities, 0 to 1, of the frames that the audio completed."""
        if (running := self._active(now)) is not None:
            running.detected(probabilities, frame_ms)
            self._pass_time(now)

    def detection_failed(self, fault: str, *, now: float) -> None:
        """Answers `Detect`: detection failed, so the session ends; the clients get `fault`."""
        if (running := self._active(now)) is not None:
            self._out.send(error_event(self._out.event_id(), type="server_error", code="engine_failed", message=fault))
            self._step(LiveServerInput.LOST)
            running.end()
            self._out.command(_BROKEN)

    def transcript(self, utterance_id: str, text: str, *, now: float) -> None:
        """Answers `TranscribeUtterance`: the whole transcript; empty if there are no words in it."""
        if (running := self._active(now)) is not None:
            running.transcribed(utterance_id, text)
            self._pass_time(now)

    def transcription_failed(self, utterance_id: str, fault: str, *, now: float) -> None:
        """Answers `TranscribeUtterance`: the transcription failed; the clients get `fault`."""
        if (running := self._active(now)) is not None:
            running.transcription_failed(utterance_id, fault)
            self._pass_time(now)

    def reply_text(self, reply_id: str, piece: str, *, now: float) -> None:
        """Answers `LiveReply`: the next piece of the text, with its white space."""
        if (running := self._active(now)) is not None:
            running.voice.text(reply_id, piece)

    def reply_clause(self, reply_id: str, clause: str, *, now: float) -> None:
        """Answers `LiveReply`: the audio that follows speaks this part of the text, which has been reported before.

        Without this report the transcript is placed less exactly.
        """
        if (running := self._active(now)) is not None:
            running.voice.clause(reply_id, clause)

    def reply_audio(self, reply_id: str, audio: bytes, *, now: float) -> None:
        """Answers `LiveReply`: the next piece of the speech, in the command's encoding, any number of whole samples."""
        if (running := self._active(now)) is not None:
            running.voice.audio(reply_id, audio)
            self._pass_time(now)

    def reply_call(self, reply_id: str, name: str, arguments: str, *, now: float) -> None:
        """Answers `LiveReply`: the responder calls a function of the command, or `DELEGATE`. Report all text and audio
        before it first; the reply goes on."""
        if (running := self._active(now)) is not None:
            running.voice.call(reply_id, name, arguments, offset_ms=running.hearing.last_end_ms)

    def reply_finished(self, reply_id: str, *, now: float) -> None:
        """Answers `LiveReply`: text, speech and calls are complete. The speech may still wait to be heard."""
        if (running := self._active(now)) is not None:
            running.voice.finished(reply_id)
            self._pass_time(now)

    def reply_failed(self, reply_id: str, fault: str, *, now: float) -> None:
        """Answers `LiveReply`: an engine failed; the clients get `fault`, and hear what was said before."""
        if (running := self._active(now)) is not None:
            running.voice.failed(reply_id, fault)
            self._pass_time(now)

    # --- commands

    def _carry_out(self, event: AnyLiveClientEvent, source: str) -> None:
        running = self._running
        if self.state is LiveServerState.REFUSED:
            raise RefusedCommand("start_refused")
        if source != PRIMARY and isinstance(event, LiveSessionStartEvent | LiveInputAudioAppendEvent):
            raise RefusedCommand("primary_only", param="type", value=event.type)
        if running is None:
            if not isinstance(event, LiveSessionStartEvent):
                raise RefusedCommand("not_started", param="type")
            self._start(event)
            return
        if self.state is LiveServerState.CLOSING and not isinstance(event, _WHILE_CLOSING):
            raise RefusedCommand("closing", param="type", value=event.type)
        if isinstance(event, LiveInputAudioAppendEvent):
            self._append_audio(event, source)
        elif isinstance(event, LiveSessionCloseEvent):
            self._close(event_id_of(event))
        else:
            running.carry_out(event, source)

    def _append_audio(self, event: LiveInputAudioAppendEvent, source: str) -> None:
        if source != PRIMARY:
            raise RefusedCommand("primary_only", param="type", value=event.type)
        assert self._running is not None  # nothing is appended before the start
        audio = audio_of(event.audio)
        self._running.append_audio(audio)
        if audio and self.state is LiveServerState.RUNNING:
            self._starves_at = self._clock.now + self._limits.starve_s

    def _start(self, event: LiveSessionStartEvent) -> None:
        now, limits = self._clock.now, self._limits
        expires_at = int(now + self._unix_offset) + limits.duration_s
        if self._fork_of is not None:
            session = forked(event.session, self._fork_of, self.session_id, expires_at, limits)
        else:
            session = started(event.session, self.session_id, expires_at, limits)
        clock, unix_offset = self._clock, self._unix_offset
        self._running = RunningSession(
            session,
            self._out,
            self._account,
            limits,
            stored=self._fork_of,
            unix_time=lambda: int(clock.now + unix_offset),  # without `self`, which would be a cycle
            report_illegal=self._report_illegal,
        )
        self._fork_of = None
        self._began_at = now
        self._state_ends_at = now + limits.duration_s
        self._starves_at = now + limits.starve_s
        self._step(LiveServerInput.STARTED)
        answers = reference_to(event)
        self._out.send(LiveSessionStartedEvent(event_id=self._out.event_id(), client_event_id=answers, session=session))

    def _refuse(self, refused: RefusedCommand, event: AnyLiveEvent | None, source: str) -> None:
        """Answer a command that is refused, to the connection that sent it."""
        if self.is_over:
            return
        self._out.send(refused.event(self._out.event_id(), answers=event_id_of(event)), source)
        # The traceback's frames refer to the exception, the event and this session. Without this the cycle would keep
        # them in memory until a full garbage collection.
        refused.__traceback__ = refused.__cause__ = refused.__context__ = None
        wanted = event.wire_type if isinstance(event, UnknownLiveEvent) else getattr(event, "type", None)
        if self.state is LiveServerState.WAITING and source == PRIMARY and wanted == LiveSessionStartEvent.type:
            self._refuse_start()

    def _refuse_start(self) -> None:
        self._step(LiveServerInput.REFUSED)
        self._state_ends_at = self._clock.now + _REFUSED_FOR_S

    # --- time and the end

    def _active(self, now: float) -> RunningSession | None:
        """The session, if it runs, with the time advanced."""
        self._pass_time(now)
        return self._running if self.is_running else None

    def _pass_time(self, now: float) -> None:
        self._clock.advance_to(now)
        now = self._clock.now
        running = self._running
        if running is not None and self.is_running:
            running.advance_to(min(self._target_ms(running), running.input.position_ms + _AT_ONCE_MS))
            running.go_on()
            if self.state is LiveServerState.CLOSING and running.is_drained:
                self._finalise(running, "close_requested")
            elif now >= self._state_ends_at:
                self._finalise(running, "close_requested" if self.state is LiveServerState.CLOSING else "expired")
            elif now >= self._starves_at:
                self._finalise(running, "expired")
        elif self.state is LiveServerState.WAITING and now >= self._state_ends_at:
            self._refuse(RefusedCommand("start_overdue", seconds=self._limits.start_within_s), None, PRIMARY)
            self._refuse_start()
        elif self.state is LiveServerState.REFUSED and now >= self._state_ends_at:
            self._step(LiveServerInput.LOST)
            self._out.command(_REFUSED)

    def _target_ms(self, running: RunningSession) -> int:
        """How far the session's time may have come by now."""
        if self._draining_from is not None:
            position_ms, since = self._draining_from
            return position_ms + int((self._clock.now - since) * 1000 + _EARLY_MS)
        return min(int((self._clock.now - self._began_at) * 1000 + _EARLY_MS), running.input.received_ms)

    @property
    def _next_piece_at(self) -> float:
        """When the clock lets the next piece of the output go, if there is input for it."""
        running = self._running
        if running is None or not self.is_running:
            return inf
        boundary_ms = (running.input.position_ms // PIECE_MS + 1) * PIECE_MS
        if self._draining_from is not None:
            position_ms, since = self._draining_from
            return since + (boundary_ms - position_ms) / 1000
        return self._began_at + boundary_ms / 1000 if running.input.received_ms >= boundary_ms else inf

    def _close(self, event_id: str | None) -> None:
        assert self._running is not None  # only a session that runs is closed
        self._step(LiveServerInput.CLOSE_ASKED)
        self._running.is_closing = True
        self._close_id = event_id
        if not self._running.input.received_ms:
            # What is said is finished without the client's audio; but where none ever came, there is no timeline.
            self._running.refuse_appends()
        self._draining_from = (self._running.input.position_ms, self._clock.now)
        self._state_ends_at = self._clock.now + self._limits.drain_s
        self._starves_at = inf

    def _finalise(self, running: RunningSession, reason: str) -> None:
        self._step(LiveServerInput.FINALISED)
        kept = running.end()
        self._result = kept if kept.session.store is True else None
        self._out.send(self._closed(running, reason), ALL)
        self._out.command(_FINISHED)

    def _closed(self, running: RunningSession, reason: str) -> LiveSessionClosedEvent:
        answers = self._close_id if self._close_id is not None and reason == "close_requested" else UNSET
        return LiveSessionClosedEvent(
            event_id=self._out.event_id(),
            client_event_id=answers,
            reason=reason,
            session=running.session,
            usage=running.usage,
        )

    def _step(self, happened: LiveServerInput) -> None:
        self.state = step(LIVE_SERVER, self.state, happened, report=self._report_illegal) or self.state
