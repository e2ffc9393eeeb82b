"""A session that runs: its parts, what the client's commands do to them, and what the passing of time does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, assert_never

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import silence
from duologue.errors import MissingExtra
from duologue.events import UNSET
from duologue.events.base import Maybe, decode_audio, encode_audio
from duologue.events.live import (
    AnyLiveClientEvent,
    LiveCommentaryAppendEvent,
    LiveContextWindow,
    LiveDecisionCreateEvent,
    LiveDecisionItemCreateEvent,
    LiveDecisionItemDeleteEvent,
    LiveInputAudioAppendEvent,
    LiveInputAudioMutedEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmutedEvent,
    LiveInputAudioUnmuteEvent,
    LiveInputTranscriptDeltaEvent,
    LiveInstructionsAppendEvent,
    LiveOutputAudioDeltaEvent,
    LiveOutputAudioFixturePlayedEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveOutputAudioFixturePlayingEvent,
    LiveResponseCreateEvent,
    LiveResponseItemCreateEvent,
    LiveResponsesDelegation,
    LiveSession,
    LiveSessionCloseEvent,
    LiveSessionStartEvent,
    LiveSessionUpdatedEvent,
    LiveSessionUpdateEvent,
    LiveSessionUsage,
    LiveSessionUsageUpdatedEvent,
    LiveThinkingAppendEvent,
    LiveTransportDtmfSendEvent,
)
from duologue.protocol.live.server.appends import AppendEvent, PendingAppends
from duologue.protocol.live.server.config import encoding_of, text_of, updated
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.delegation.backend import Backend
from duologue.protocol.live.server.delegation.client import ClientDelegations
from duologue.protocol.live.server.errors import RefusedCommand, error_event
from duologue.protocol.live.server.hearing import Hearing, UserSpeaks
from duologue.protocol.live.server.history import History
from duologue.protocol.live.server.outgoing import PRIMARY, LiveOutbox
from duologue.protocol.live.server.reading import event_id_of, reference_to
from duologue.protocol.live.server.sound.clip import FixtureClip
from duologue.protocol.live.server.sound.input_track import InputTrack
from duologue.protocol.live.server.sound.mixer import PIECE_MS, OutputMixer
from duologue.protocol.live.server.sound.sidebands import Sidebands
from duologue.protocol.live.server.sound.transcripts import InputTranscript
from duologue.protocol.live.server.stored import StoredLiveSession
from duologue.protocol.live.server.voice import Voice
from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.states import ReportIllegal

__all__ = ["RunningSession", "audio_of"]

_MAX_ENCODED_CHARS: Final = 2 * 1024 * 1024
"""33 s at 24 kHz: more than may be ahead of the clock, and more than a clip may have. It is decoded in 4 ms, while all
sessions wait; the 16 MB that a frame may hold would take 30."""

_PCM16_BYTES: Final = 2

_HEARD_AHEAD_MS: Final = 400
"""Input that comes a little early is heard at once: a client that sent some before its clock began, or whose clock is
faster, would be heard late for ever. An utterance is over after more silence than this, so no answer precedes it."""


class RunningSession:
    """The parts of one session, from its start to its end. Raises RefusedCommand if its configuration is too large."""

    def __init__(
        self,
        session: LiveSession,
        out: LiveOutbox,
        account: MemoryAccount,
        limits: LiveDefaults,
        *,
        stored: StoredLiveSession | None,
        unix_time: Callable[[], int],
        report_illegal: ReportIllegal,
    ) -> None:
        self.encoding: Encoding = encoding_of(session)
        self._out = out
        self._account = account
        self._limits = limits
        self._configuration_bytes = 0
        self._hold_configuration(session)
        self.input: InputTrack = InputTrack(self.encoding, account, max_ahead_ms=limits.max_ahead_ms)
        self.mixer: OutputMixer = OutputMixer(self.encoding, account)
        self.hearing: Hearing = Hearing(self.encoding, out, account, limits, report_illegal=report_illegal)
        self.history: History = History(account, limits)
        self.backend: Backend = Backend(
            out, self.history, account, limits, unix_time=unix_time, report_illegal=report_illegal
        )
        self.delegations: ClientDelegations = ClientDelegations(out, limits)
        self.voice: Voice = Voice(out, self.history, self.mixer, self.backend, self.delegations, limits, session)
        self.appends: PendingAppends = PendingAppends(limits)
        self.sidebands: Sidebands = Sidebands(self.encoding, out, max_attached=limits.max_sidebands)
        self._heard_ahead_ms = min(_HEARD_AHEAD_MS, limits.silence_duration_ms)
        self._user_transcript = InputTranscript()
        self._clip_id: Maybe[str] = UNSET
        """The command whose clip is being played."""
        self.is_closing = False
        """Whether nothing new is begun."""
        zeros = silence(self.encoding, self.encoding.bytes_for_ms(PIECE_MS))
        self._zeros = zeros
        self._silent_piece = LiveOutputAudioDeltaEvent(delta=encode_audio(zeros))
        self._restore(session, stored)

    @property
    def session(self) -> LiveSession:
        """The session as the client sees it."""
        return self.voice.session

    @property
    def usage(self) -> LiveSessionUsage:
        """The session's time so far."""
        return LiveSessionUsage(seconds=self.input.position_ms / 1000)

    @property
    def is_drained(self) -> bool:
        """Whether everything that was begun is finished."""
        return (
            self.voice.is_done
            and self.backend.is_idle
            and self.hearing.is_told
            and not self.appends
            and not self.mixer.plays_clip
        )

    # --- commands

    def append_audio(self, audio: bytes) -> None:
        """Input audio. Raises RefusedCommand."""
        if len(audio) % self.encoding.bytes_per_sample:
            raise RefusedCommand("half_sample", param="audio", got=len(audio))
        self.input.append(audio)
        self.sidebands.input(audio)

    def carry_out(self, event: AnyLiveClientEvent, source: str) -> None:
        """Any other command. Raises RefusedCommand."""
        answers = reference_to(event)
        match event:
            case LiveSessionUpdateEvent():
                self._update(event)
            case LiveInputAudioMuteEvent():
                self.input.is_muted = True
                self._out.send(LiveInputAudioMutedEvent(event_id=self._out.event_id(), client_event_id=answers))
            case LiveInputAudioUnmuteEvent():
                self.input.is_muted = False
                self._out.send(LiveInputAudioUnmutedEvent(event_id=self._out.event_id(), client_event_id=answers))
            case LiveInstructionsAppendEvent() | LiveThinkingAppendEvent() | LiveCommentaryAppendEvent():
                self._append(event, source)
            case LiveOutputAudioFixturePlayEvent():
                self._play_clip(event)
            case LiveResponseItemCreateEvent():
                self._check_responses(event.type)
                self.backend.add_item(event.item)
            case LiveResponseCreateEvent():
                self._check_responses(event.type)
                self.backend.ask(event_id_of(event), source)
            case LiveDecisionCreateEvent() | LiveDecisionItemCreateEvent() | LiveDecisionItemDeleteEvent():
                raise RefusedCommand("no_decisions", param="type", value=event.type)
            case LiveTransportDtmfSendEvent():
                raise RefusedCommand("no_telephone", param="type")
            case LiveSessionStartEvent():
                raise RefusedCommand("started_twice", param="type")
            case LiveInputAudioAppendEvent() | LiveSessionCloseEvent():
                raise AssertionError(f"the protocol itself carries out {event.type}")
            case _:
                assert_never(event)

    def _update(self, event: LiveSessionUpdateEvent) -> None:
        session = updated(self.session, event.session, self._limits)
        self._hold_configuration(session)
        self.voice.session = session
        answers = reference_to(event)
        self._out.send(LiveSessionUpdatedEvent(event_id=self._out.event_id(), client_event_id=answers, session=session))

    def _append(self, event: AppendEvent, source: str) -> None:
        """Something for the voice's context. Raises RefusedCommand."""
        if self.mixer.plays_clip:
            raise RefusedCommand("clip_plays")
        if isinstance(event.delegation_id, str):
            if isinstance(self.session.delegation, LiveResponsesDelegation):
                raise RefusedCommand("delegation_not_client", param="delegation_id")
            self.delegations.check(event.delegation_id)
        if isinstance(event, LiveInstructionsAppendEvent):
            self.history.check_rule(event.content, self.appends.rules)
        waiting = self.appends.commentaries + self.voice.commentaries
        if isinstance(event, LiveCommentaryAppendEvent) and waiting >= self._limits.max_appends:
            raise RefusedCommand("too_many_appends", max=self._limits.max_appends)
        self.appends.add(event, source, self.input.position_ms)

    def _play_clip(self, event: LiveOutputAudioFixturePlayEvent) -> None:
        """Play a clip in place of the voice. Raises RefusedCommand."""
        if self.mixer.plays_clip:
            raise RefusedCommand("clip_plays")
        audio = audio_of(event.audio)
        if not audio:
            raise RefusedCommand("no_audio", param="audio")
        if len(audio) % _PCM16_BYTES:
            raise RefusedCommand("half_sample", param="audio", got=len(audio))
        if (got_ms := PCM.duration_ms(len(audio))) > self._limits.max_fixture_ms:
            raise RefusedCommand("clip_too_long", param="audio", max_ms=self._limits.max_fixture_ms, got_ms=got_ms)
        clip = self._clip_of(audio)
        try:
            self._account.take("audio", clip.held_bytes, param="audio")
        except InvalidRequest as invalid:
            raise RefusedCommand.of(invalid) from invalid
        self._account.change("audio", -clip.held_bytes)  # the mixer counts it
        self.voice.interrupt()
        self.mixer.play(clip)
        self._clip_id = reference_to(event)
        self._out.send(LiveOutputAudioFixturePlayingEvent(event_id=self._out.event_id(), client_event_id=self._clip_id))

    def _clip_of(self, pcm16: bytes) -> FixtureClip:
        """A clip for the session's format. Raises RefusedCommand if nothing is installed that converts it."""
        try:
            return FixtureClip(pcm16, self.encoding)
        except MissingExtra:
            value = f"a clip in a session of {self.encoding.rate_hz} Hz"
            raise RefusedCommand("not_supported", param="audio", value=value) from None

    # --- what the engines report

    def detected(self, probabilities: Sequence[float], frame_ms: float) -> None:
        """Speech probabilities of the input."""
        for heard in self.hearing.detected(probabilities, frame_ms):
            if isinstance(heard, UserSpeaks):
                if not self.mixer.plays_clip:
                    self.voice.interrupt()
            else:
                self._report("the transcriber is too far behind; something that the user said is lost")

    def transcribed(self, utterance_id: str, text: str) -> None:
        """The words of an utterance; empty if there are none, or they are not known."""
        for told in self.hearing.transcribed(utterance_id, text):
            if not told.text:
                continue
            for delta in self._user_transcript.spread(told.text, told.start_ms, told.end_ms):
                self._out.send(
                    LiveInputTranscriptDeltaEvent(
                        event_id=self._out.event_id(), delta=delta.delta, start_ms=delta.start_ms, end_ms=delta.end_ms
                    )
                )
            self.voice.user_spoke(told.text)

    def transcription_failed(self, utterance_id: str, fault: str) -> None:
        """The words of an utterance will not be known."""
        if self.hearing.waits_for(utterance_id):
            self._report(fault)
            self.transcribed(utterance_id, "")

    # --- time

    def advance_to(self, target_ms: int) -> None:
        """The session's time goes on up to here, with all that is due on the way."""
        while (position_ms := self.input.position_ms) < target_ms:
            boundary_ms = (position_ms // PIECE_MS + 1) * PIECE_MS
            self.input.position_ms = min(boundary_ms, target_ms)
            self._hear(self.input.position_ms)
            if boundary_ms <= target_ms:
                self._send_piece(boundary_ms)
        self._hear(min(self.input.received_ms, self.input.position_ms + self._heard_ahead_ms))

    def _hear(self, until_ms: int) -> None:
        audio = self.input.take(until_ms)
        # While a clip is played, the model does not hear.
        self.hearing.hear(silence(self.encoding, len(audio)) if self.mixer.plays_clip else audio)

    def go_on(self) -> None:
        """Begin what can begin now."""
        self.voice.go_on(
            position_ms=self.input.position_ms,
            user_speaks=self.hearing.speaking,
            is_told=self.hearing.is_told,
            closing=self.is_closing,
        )

    def refuse_appends(self) -> None:
        """Refuse the appends whose place is not reached: it never will be."""
        for append in self.appends.take_all():
            refused = RefusedCommand("not_placed", value=append.event.type)
            self._out.send(refused.event(self._out.event_id(), answers=event_id_of(append.event)), append.source)

    def end(self) -> StoredLiveSession:
        """The session is over: nothing that waits will happen. Returns what can be kept."""
        self.refuse_appends()
        self.voice.release()
        stored = StoredLiveSession(session=self.session, messages=self.history.messages(), rules=self.history.rules)
        self.mixer.release()
        self.input.release()
        self.hearing.release()
        self.backend.release()
        self.history.release()
        self._account.change("configuration", -self._configuration_bytes)
        return stored

    def _send_piece(self, end_ms: int) -> None:
        piece, over, clip_over = self.mixer.take_piece()
        event = self._silent_piece if piece == self._zeros else LiveOutputAudioDeltaEvent(delta=encode_audio(piece))
        self._out.send(event, PRIMARY)
        self.sidebands.output(piece, end_ms - PIECE_MS, end_ms)
        for played in over:
            self.voice.played(played.reply_id)
        self.voice.send_transcript(end_ms)
        for append in self.appends.due(end_ms):
            self._out.send(append.confirmed(self._out.event_id()))
            self._take_effect(append.event)
        if clip_over:
            clip_id, self._clip_id = self._clip_id, UNSET
            self._out.send(LiveOutputAudioFixturePlayedEvent(event_id=self._out.event_id(), client_event_id=clip_id))
        if end_ms % (self._limits.usage_every_s * 1000) == 0:
            self._send_usage()
        self.go_on()

    def _take_effect(self, event: AppendEvent) -> None:
        if isinstance(event.delegation_id, str):
            self.delegations.answered(event.delegation_id)
        if isinstance(event, LiveInstructionsAppendEvent):
            self.history.add_rule(event.content)
        elif isinstance(event, LiveCommentaryAppendEvent):
            self.voice.comment(event.content)
        else:
            self.history.add("system", event.content)

    def _send_usage(self) -> None:
        ratio = min(1.0, self.history.tokens / self._limits.max_context_tokens)
        self._out.send(
            LiveSessionUsageUpdatedEvent(
                event_id=self._out.event_id(),
                usage=self.usage,
                context_window=LiveContextWindow(usage_ratio=round(ratio, 4)),
            )
        )

    def _hold_configuration(self, session: LiveSession) -> None:
        held, limit = held_bytes(session), self._limits.max_configuration_bytes
        try:
            if held > limit:
                raise InvalidRequest("configuration_too_large", param="session", max=limit, got=held)
            self._account.take("configuration", held - self._configuration_bytes, param="session")
        except InvalidRequest as invalid:
            raise RefusedCommand.of(invalid) from invalid
        self._configuration_bytes = held

    def _check_responses(self, what: str) -> None:
        if not isinstance(self.session.delegation, LiveResponsesDelegation):
            raise RefusedCommand("no_responses", param="type", value=what)

    def _report(self, fault: str) -> None:
        self._out.send(error_event(self._out.event_id(), type="server_error", code="engine_failed", message=fault))

    def _restore(self, session: LiveSession, stored: StoredLiveSession | None) -> None:
        if stored is not None:
            self.history.restore(stored.messages, stored.rules)
            return
        for message in session.input if isinstance(session.input, list) else []:
            role = message.role if message.role in ("user", "assistant") else "system"
            if text := text_of(message):
                self.history.add(role, text)  # type: ignore[arg-type]  # one of the three


def audio_of(encoded: str) -> bytes:
    """The bytes of base64 audio. Raises RefusedCommand."""
    if len(encoded) > _MAX_ENCODED_CHARS:
        raise RefusedCommand(
            "too_long", param="audio", max=_MAX_ENCODED_CHARS, unit="characters of base64", got=len(encoded)
        )
    try:
        return decode_audio(encoded)
    except ValueError:
        raise RefusedCommand("not_base64", param="audio") from None
