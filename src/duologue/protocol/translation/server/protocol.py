"""A translation session on the server: what may be said when, and what is answered.

https://developers.openai.com/api/docs/guides/realtime has the events; there are no turns, items or responses. Speech
is cut into utterances, which are translated one after another, in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from typing import Final

from duologue.audio.formats import PCM
from duologue.codec import decode_translation
from duologue.errors import DecodeError
from duologue.events import (
    AnyTranslationEvent,
    AnyTranslationServerEvent,
    RealtimeError,
    TranslationErrorEvent,
    TranslationInputAudioBufferAppendEvent,
    TranslationSession,
    TranslationSessionClosedEvent,
    TranslationSessionCreatedEvent,
    TranslationSessionUpdatedEvent,
    TranslationSessionUpdateEvent,
)
from duologue.protocol.server.account import Charge, MemoryAccount
from duologue.protocol.server.commands import Close, Detect, ToleratedFault
from duologue.protocol.server.defaults import SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import SHORT_CHARS, check_depth, check_frame
from duologue.protocol.translation.server.client_events import accept, audio_bytes, event_id_of, whole_samples
from duologue.protocol.translation.server.commands import Translate, TranslationCommand
from duologue.protocol.translation.server.output import SourceTranscript, TranslatedSpeech
from duologue.protocol.translation.server.settings import DEFAULT_MODEL, TranslationSettings
from duologue.protocol.translation.server.utterances import SourceUtterance, Utterances

__all__ = ["TranslationServerProtocol"]

_MAX_EVENT_BYTES: Final = 64 * 1024
"""An event without its audio: the settings of a translation take 300 bytes."""

_MAX_WAITING: Final = 4
"""Utterances that wait for the engines before no more input is read: a minute of speech. A speaker cannot fill it; a
recording that is sent faster than it is translated can."""

_CLOSE_S: Final = 60.0
"""The rest of the translation after `session.close`: the longest utterances that can wait, on a slow machine."""

_MAX_REPORTS: Final = 100
"""Tolerated faults that are logged in one session."""


class TranslationServerProtocol:
    """One translation session, seen from the server. No method raises for what a client sends.

    `new_id` makes an id for a kind of object ("sess", "event", "utt"). `now` is a monotonic clock in seconds, the same
    one in every call; `started_at` is the Unix time of the start. `is_served` says whether there is a translation into
    a language. `charge` is called with every change of what the session holds in memory, and can reject more.
    """

    def __init__(
        self,
        defaults: SessionDefaults | None = None,
        *,
        model: str | None = None,
        new_id: Callable[[str], str],
        now: float,
        started_at: float,
        is_served: Callable[[str], bool] = lambda _: True,
        charge: Charge | None = None,
    ) -> None:
        defaults = defaults or SessionDefaults()
        self._new_id = new_id
        self._lenient = defaults.lenient
        self._duration_s = defaults.duration_s
        self._ends_at: float = now + defaults.duration_s
        self._account = MemoryAccount(defaults.max_session_bytes, *(() if charge is None else (charge,)))
        self._max_event_values = defaults.max_event_values
        self.settings: TranslationSettings = TranslationSettings(
            new_id("sess"),
            model=model or DEFAULT_MODEL,
            expires_at=int(started_at) + defaults.duration_s,
            is_served=is_served,
        )
        self._events: list[AnyTranslationServerEvent] = []
        self._commands: list[TranslationCommand] = []
        # Not methods of this object: in a cycle its audio would wait for a full garbage collection.
        self._event_id = partial(new_id, "event")
        self._utterances = Utterances(report_illegal=self._commands.append)
        self._waiting: deque[SourceUtterance] = deque()
        self._current: tuple[str, SourceUtterance] | None = None
        """The utterance that the engines have, by its id."""
        self._source = SourceTranscript(self._event_id)
        self._speech = TranslatedSpeech(self._event_id)
        self._is_closing = False
        self._is_over = False
        self._reported: set[ToleratedFault] = set()

    # --- the shell

    @property
    def session(self) -> TranslationSession:
        """The session as its client sees it."""
        return self.settings.wire

    @property
    def input_ms(self) -> int:
        """Length of all input audio so far."""
        return self._utterances.input_ms

    @property
    def is_behind(self) -> bool:
        """Whether so much waits for the engines that no more input should be read now."""
        return not self._is_over and len(self._waiting) >= _MAX_WAITING

    @property
    def is_idle(self) -> bool:
        """Whether everything that was said is translated, and nobody speaks."""
        return self._current is None and not self._waiting and not self._utterances.is_speaking

    @property
    def next_tick_at(self) -> float:
        """When `tick` is due next, on the clock of `now`; infinity once the session has ended."""
        return self._ends_at

    def connect(self) -> None:
        """The client has connected: send `session.created`."""
        self._send(TranslationSessionCreatedEvent(event_id=self._event_id(), session=self.session))

    def take_events(self) -> list[AnyTranslationServerEvent]:
        """The events for the client since the last call."""
        events, self._events = self._events, []
        return events

    def take_commands(self) -> list[TranslationCommand]:
        """The commands for the shell since the last call."""
        commands = [*self._commands]
        self._commands.clear()
        return commands

    def tick(self, now: float) -> None:
        """Time has passed: end a session at its maximum duration, or one that cannot be closed in time."""
        if now < self._ends_at:
            return
        if self._is_closing:
            self._break("the rest was not translated in time")
        else:
            invalid = InvalidRequest("expired", minutes=self._duration_s // 60)
            self.reject(invalid, None)
            self._close(Close(1001, invalid.message))

    def receive_text(self, message: str | bytes, *, now: float) -> None:
        """A message from the client, text or binary. After the end of the session it changes nothing."""
        if (event := self.read_text(message)) is not None:
            self.receive(event, now=now)

    def read_text(self, message: str | bytes) -> AnyTranslationEvent | None:
        """The event that a message is, to be given to `receive`; None for an invalid one, which is rejected."""
        if self._is_over:
            return None
        try:
            return self._read(message)
        except InvalidRequest as invalid:
            self.reject(invalid, None)
            return None

    def receive(self, event: AnyTranslationEvent, *, now: float, audio: bytes | None = None) -> None:
        """An event from the client. `audio` is what an append holds, where it has been decoded already."""
        if self._is_over:
            return
        try:
            self._receive(event, now, audio)
        except InvalidRequest as invalid:
            self.reject(invalid, event)

    def reject(self, invalid: InvalidRequest, event: AnyTranslationEvent | None) -> None:
        """Answer an invalid event by `error`."""
        answer = invalid.event(self._event_id(), answers=event_id_of(event))
        self._send(TranslationErrorEvent(event_id=answer.event_id, error=answer.error))
        # The traceback's frames refer to the exception and to this session.
        invalid.__traceback__ = invalid.__cause__ = invalid.__context__ = None

    def _read(self, message: str | bytes) -> AnyTranslationEvent:
        if isinstance(message, bytes):
            raise InvalidRequest("binary")
        if len(message) > SHORT_CHARS:
            check_frame(message, max_bytes=_MAX_EVENT_BYTES, max_values=self._max_event_values)
        else:
            check_depth(message)
        try:
            return decode_translation(message)
        except DecodeError as fault:
            raise InvalidRequest("not_json", reason=fault.reason) from fault

    def _receive(self, event: AnyTranslationEvent, now: float, audio: bytes | None) -> None:
        def check(fault: InvalidRequest) -> None:
            self._check(fault, event.type)

        accepted = accept(event, check)
        match accepted:
            case TranslationInputAudioBufferAppendEvent():
                if self._is_closing:
                    raise InvalidRequest("session_closing", param="type", value=event.type)
                self._append(whole_samples(audio) if audio is not None else audio_bytes(accepted))
            case TranslationSessionUpdateEvent():
                if self._is_closing:
                    raise InvalidRequest("session_closing", param="type", value=event.type)
                self.settings.update(accepted, check)
                self._send(TranslationSessionUpdatedEvent(event_id=self._event_id(), session=self.session))
            case _:
                self._begin_close(now)

    # --- input

    def _append(self, audio: bytes) -> None:
        self._account.take("input", len(audio), param="audio")
        self._utterances.append(audio)
        if audio:
            self._command(Detect(audio, PCM, self.settings.noise_reduction))

    def detected(self, probabilities: Sequence[float], frame_ms: float) -> None:
        """Answers `Detect`: speech probabilities, 0 to 1, of the frames that the audio completed."""
        if not self._is_over:
            self._take(lambda: self._utterances.detected(probabilities, frame_ms))

    def detection_failed(self, fault: str) -> None:
        """Answers `Detect`: detection failed, so the session ends; the client gets `fault`."""
        if not self._is_over:
            self._break(fault)

    def _begin_close(self, now: float) -> None:
        if self._is_closing:
            return  # `session.closed` answers both
        self._is_closing = True
        self._ends_at = now + _CLOSE_S
        self._take(self._utterances.flush)
        self._close_if_told()

    def _take(self, utterances: Callable[[], Iterable[SourceUtterance]]) -> None:
        """Queue the utterances that are complete now."""
        before = self._utterances.held_bytes
        for utterance in utterances():
            self._account.change("audio", len(utterance.audio))
            self._waiting.append(utterance)
        self._account.change("input", self._utterances.held_bytes - before)
        self._translate_next()

    # --- the engines

    def _translate_next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        utterance = self._waiting.popleft()
        utterance_id = self._new_id("utt")
        self._current = (utterance_id, utterance)
        self._source.begin(utterance)
        self._speech.begin(input_ms=self.input_ms)
        self._command(
            Translate(
                utterance_id=utterance_id,
                audio=utterance.audio,
                encoding=PCM,
                language=self.settings.language,
                source_language=self.settings.source_language,
                noise_reduction=self.settings.noise_reduction,
            )
        )

    def source_text(self, utterance_id: str, piece: str) -> None:
        """Answers `Translate`: the next words of the source speech."""
        if self._is_current(utterance_id) and self.settings.shows_source:
            self._send(*self._source.add(piece))

    def translated_text(self, utterance_id: str, piece: str) -> None:
        """Answers `Translate`: the next words of the translation."""
        if self._is_current(utterance_id):
            self._send(*self._speech.add_text(piece))

    def translated_audio(self, utterance_id: str, pcm16: bytes) -> None:
        """Answers `Translate`: the next piece of the translated speech, PCM16 at 24 kHz."""
        if self._is_current(utterance_id):
            self._send(*self._speech.add_audio(pcm16))

    def utterance_finished(self, utterance_id: str) -> None:
        """Answers `Translate`: nothing more comes of this utterance."""
        if not self._is_current(utterance_id):
            return
        self._send(*self._speech.end())
        self._forget_current()

    def utterance_failed(self, utterance_id: str, fault: str) -> None:
        """Answers `Translate`: an engine failed at this utterance; the client gets `fault`, and the session goes on."""
        if not self._is_current(utterance_id):
            return
        self._send(*self._speech.end())
        self._error("server_error", "engine_failed", fault)
        self._forget_current()

    def _is_current(self, utterance_id: str) -> bool:
        return not self._is_over and self._current is not None and self._current[0] == utterance_id

    def _forget_current(self) -> None:
        if self._current is not None:
            self._account.change("audio", -len(self._current[1].audio))
        self._current = None
        self._translate_next()
        self._close_if_told()

    # --- the end

    def _close_if_told(self) -> None:
        if self._is_closing and self._current is None and not self._waiting:
            self._send(TranslationSessionClosedEvent(event_id=self._event_id()))
            self._close(Close(1000, "the client ended the session"))

    def _break(self, reason: str) -> None:
        self._error("server_error", "engine_failed", reason)
        self._close(Close(1011, reason))

    def _close(self, close: Close) -> None:
        self._command(close)
        self._is_over, self._ends_at = True, inf

    # --- out

    def _send(self, *events: AnyTranslationServerEvent) -> None:
        self._events += events

    def _command(self, command: TranslationCommand) -> None:
        self._commands.append(command)

    def _error(self, type: str, code: str, message: str) -> None:
        error = RealtimeError(type=type, code=code, message=message, param=None, event_id=None)
        self._send(TranslationErrorEvent(event_id=self._event_id(), error=error))

    def _check(self, fault: InvalidRequest, event_type: str) -> None:
        """Raise the fault, or report it if the session is lenient and the fault harmless."""
        if not self._lenient or not fault.harmless:
            raise fault
        report = ToleratedFault(event_type, fault.param or "", fault.value_type)
        if report not in self._reported and len(self._reported) < _MAX_REPORTS:
            self._reported.add(report)
            self._command(report)
