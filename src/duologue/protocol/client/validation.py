"""Checks of a client's events before they are sent: what the server would reject raises, with a hint on what to do.

Each check has a name, and can be switched off by it: some servers accept more than the hosted service does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from duologue.audio.formats import PCM, Encoding
from duologue.dialects import Profile
from duologue.errors import LocalProtocolError
from duologue.events import (
    AnySession,
    ClientEvent,
    ConversationItemCreateEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStoppedEvent,
    RealtimeSession,
    RealtimeSessionConfig,
    ResponseAudioDeltaEvent,
    ResponseCreateEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    TranscriptionSessionConfig,
    is_set,
)
from duologue.protocol.client.audio_formats import encoding_of_format, input_config, session_encodings
from duologue.protocol.client.dispatch import EventContext, Part, on
from duologue.protocol.wire_limits import (
    MAX_METADATA_KEY_CHARS,
    MAX_METADATA_PAIRS,
    MAX_METADATA_VALUE_CHARS,
    MIN_COMMIT_MS,
)

__all__ = ["LOCAL_CHECKS", "MAX_APPEND_BYTES", "MAX_EVENT_ID_CHARS", "LocalChecks"]

MAX_APPEND_BYTES: Final = 15 * 1024 * 1024
"""Published limit of the audio in one append:
https://platform.openai.com/docs/api-reference/realtime-client-events/input_audio_buffer/append"""

MAX_EVENT_ID_CHARS: Final = 512
"""Published limit of a client's event id (rule `error.event_id_too_long`)."""


class LocalChecks(Part):
    """The checks of one session. `off` names checks that are not made.

    Raises:
        ValueError: there is no check of such a name.
    """

    def __init__(self, *, off: Collection[str] = ()) -> None:
        unknown = set(off) - LOCAL_CHECKS.keys()
        if unknown:
            raise ValueError(f"no check {', '.join(sorted(unknown))}; known: {', '.join(LOCAL_CHECKS)}")
        self._off = frozenset(off)
        self._usual_input: Encoding = PCM
        """Of a session that does not say its format."""
        self.commit_begins: bool = False
        """Whether a commit without audio is a command: it begins an utterance in some dialects."""
        self.input_encoding: Encoding | None = PCM
        """Of the session's input audio; None for an unknown format."""
        self.voice: object = None
        self.has_spoken: bool = False
        self.turn_detection_off: bool = False
        """Whether the server has said that it does not look for turns: then only a commit makes an item of audio."""
        self.has_item_since_audio: bool = False
        """Whether an item was created after audio that is not committed: there is something else to answer."""
        self._unheard_is_told = False
        self._appended_bytes = 0
        self._consumed_bytes = 0
        self._last_commit: tuple[str, int] | None = None
        self._format_requested: tuple[str, Encoding | None] | None = None
        """An unanswered update of the input format: its event id, and the format before it."""

    @property
    def buffered_ms(self) -> int:
        """An upper bound of the audio in the server's input buffer; turn detection may have dropped some of it."""
        if self.input_encoding is None:
            return MIN_COMMIT_MS
        return self.input_encoding.duration_ms(self._appended_bytes - self._consumed_bytes)

    def unheard_ms(self, event: ResponseCreateEvent) -> int:
        """The appended audio that a response would not hear because it is not committed; 0 if it needs none of it."""
        params = event.response
        has_own_input = is_set(params) and (params.conversation == "none" or is_set(params.input))
        if not self.turn_detection_off or self.input_encoding is None or has_own_input:
            return 0
        return self.buffered_ms if self.buffered_ms >= MIN_COMMIT_MS else 0

    def take_unheard_ms(self, event: ResponseCreateEvent) -> int:
        """The same, but 0 if it was taken since the last commit: one report is enough."""
        if self._unheard_is_told or "uncommitted_audio" in self._off or not (unheard_ms := self.unheard_ms(event)):
            return 0
        self._unheard_is_told = True
        return unheard_ms

    def check(self, event: ClientEvent) -> None:
        """Check an event that is to be sent.

        Raises:
            LocalProtocolError: the server would reject it.
        """
        for name, check in LOCAL_CHECKS.items():
            if name not in self._off:
                check(self, event)

    def check_audio(self, n_bytes: int, *, encoding: Encoding | None = None) -> None:
        """Check audio that is to be appended; `encoding` is that of its source, if it is known.

        Raises:
            LocalProtocolError: the session's input has another format, or it is too much for one event.
        """
        if "append_size" not in self._off:
            _append_size(n_bytes)
        wanted = self.input_encoding
        if wanted is None or "append_format" in self._off:
            return
        if encoding is not None and encoding != wanted:
            raise LocalProtocolError(
                f"cannot send input_audio_buffer.append: the audio is {encoding.type} at {encoding.rate_hz} Hz and the "
                f"session takes {wanted.type} at {wanted.rate_hz} Hz, as which it would be decoded; convert it, or "
                "change the session's audio.input.format"
            )
        if n_bytes % wanted.bytes_per_sample:
            raise LocalProtocolError(
                f"cannot send input_audio_buffer.append: {n_bytes} bytes are not whole {wanted.type} samples of "
                f"{wanted.bytes_per_sample} bytes; keep the odd byte for the next chunk"
            )

    def takes_as_it_is(
        self, audio: object, *, encoding: Encoding | None, rate_hz: int | None, channels: int | None
    ) -> bool:
        """Whether audio is in the session's input format already, as far as is known. Safe on any thread."""
        if type(audio) is not bytes or channels not in (None, 1):
            return False
        if rate_hz is None and encoding is None:
            return True
        wanted = self.input_encoding
        if "append_format" in self._off or wanted is None:  # the session's format is not what the server takes
            return rate_hz is None
        return encoding == wanted and rate_hz in (None, wanted.rate_hz)

    @property
    def convertible_input(self) -> Encoding:
        """The format to convert input audio to.

        Raises:
            LocalProtocolError: it is none that is known here.
        """
        if self.input_encoding is None:
            raise LocalProtocolError(
                "cannot convert the audio: the session's input format is not one that is known here; send bytes in "
                "that format, without a rate"
            )
        return self.input_encoding

    def use(self, profile: Profile) -> None:
        """The server's dialect is known: its usual format, and what a commit is there."""
        self.commit_begins = profile.utterance.begin is not None
        usual = Encoding.of(PCM.type, profile.input_rates_hz[0]) if profile.input_rates_hz else PCM
        if self.input_encoding == self._usual_input:
            self._change_input(usual)
        self._usual_input = usual

    def sent(self, event: ClientEvent) -> None:
        """An event is sent."""
        match event:
            case InputAudioBufferAppendEvent():
                self.appended(_audio_bytes(event))
            case InputAudioBufferCommitEvent() | InputAudioBufferClearEvent():
                self._last_commit = (str(event.event_id), self._consumed_bytes)
                self._consume_all()
            case ConversationItemCreateEvent():
                self.has_item_since_audio = self._appended_bytes > self._consumed_bytes
            case SessionUpdateEvent(session=RealtimeSessionConfig() | TranscriptionSessionConfig() as config):
                wire = input_config(config.audio)
                if wire is not None and is_set(wire.format):
                    # The server decodes what is appended from now on in this format, whenever its answer arrives.
                    self._format_requested = (str(event.event_id), self.input_encoding)
                    self._change_input(encoding_of_format(wire.format))
            case _:
                pass  # no other event changes what is checked

    def appended(self, n_bytes: int) -> None:
        """Audio is sent."""
        self._appended_bytes += n_bytes

    @on(SessionCreatedEvent, SessionUpdatedEvent)
    def _session_changed(self, event: SessionCreatedEvent | SessionUpdatedEvent, context: EventContext) -> None:
        self._session(event.session)

    @on(ResponseAudioDeltaEvent)
    def _model_spoke(self, event: ResponseAudioDeltaEvent, context: EventContext) -> None:
        self.has_spoken = True

    @on(InputAudioBufferSpeechStoppedEvent)
    def _speech_stopped(self, event: InputAudioBufferSpeechStoppedEvent, context: EventContext) -> None:
        if self.input_encoding is not None:
            end = min(self.input_encoding.bytes_for_ms(event.audio_end_ms), self._appended_bytes)
            self._consumed_bytes = max(self._consumed_bytes, end)

    @on(InputAudioBufferCommittedEvent)
    def _committed(self, event: InputAudioBufferCommittedEvent, context: EventContext) -> None:
        if self.turn_detection_off and context.command is None:  # some servers commit of their own accord
            self._consume_all()

    @on(ErrorEvent)
    def _rejected(self, event: ErrorEvent, context: EventContext) -> None:
        if self._last_commit is not None and event.error.event_id == self._last_commit[0]:
            self._consumed_bytes, self._last_commit = self._last_commit[1], None
        elif self._format_requested is not None and event.error.event_id == self._format_requested[0]:
            before, self._format_requested = self._format_requested[1], None
            self._change_input(before)

    def connected(self) -> None:
        """A new connection: its server has no audio yet, and the model has not spoken."""
        self._appended_bytes = 0
        self._consume_all()
        self._last_commit = self._format_requested = None
        self.has_spoken = self.turn_detection_off = False

    def _consume_all(self) -> None:
        self._consumed_bytes = self._appended_bytes
        self.has_item_since_audio = self._unheard_is_told = False

    def _session(self, session: AnySession) -> None:
        encoding, _ = session_encodings(session, usual_input=self._usual_input)
        if encoding == self.input_encoding:
            self._format_requested = None
        elif self._format_requested is None:
            self._change_input(encoding)
        if not isinstance(session, RealtimeSession) or not is_set(session.audio):
            return
        if is_set(session.audio.output):
            self.voice = session.audio.output.voice
        if is_set(session.audio.input):
            self.turn_detection_off = session.audio.input.turn_detection is None

    def _change_input(self, encoding: Encoding | None) -> None:
        before, self.input_encoding = self.input_encoding, encoding
        if before is not None and encoding is not None:  # positions keep their milliseconds
            self._appended_bytes = encoding.bytes_for_ms(before.duration_ms(self._appended_bytes))
            self._consumed_bytes = encoding.bytes_for_ms(before.duration_ms(self._consumed_bytes))


# --- the checks -------------------------------------------------------------------------------------------------------


def _append_size(n_bytes: int) -> None:
    if n_bytes > MAX_APPEND_BYTES:
        raise LocalProtocolError(
            f"cannot send input_audio_buffer.append: {n_bytes} bytes of audio are more than one event may carry "
            f"({MAX_APPEND_BYTES}); send them in several"
        )


def _audio_bytes(event: InputAudioBufferAppendEvent) -> int:
    return len(event.audio) // 4 * 3 - event.audio[-2:].count("=")


def _check_append_size(checks: LocalChecks, event: ClientEvent) -> None:
    if isinstance(event, InputAudioBufferAppendEvent):
        _append_size(_audio_bytes(event))


def _check_append_format(checks: LocalChecks, event: ClientEvent) -> None:
    if isinstance(event, InputAudioBufferAppendEvent):
        checks.check_audio(_audio_bytes(event))


def _check_commit_length(checks: LocalChecks, event: ClientEvent) -> None:  # rule `error.commit_short`
    if checks.commit_begins:
        return
    if isinstance(event, InputAudioBufferCommitEvent) and checks.buffered_ms < MIN_COMMIT_MS:
        raise LocalProtocolError(
            f"cannot send input_audio_buffer.commit: {checks.buffered_ms} ms of audio were appended since the last "
            f"turn, and a turn has {MIN_COMMIT_MS} ms at least; append more first, or clear the buffer"
        )


def _check_uncommitted_audio(checks: LocalChecks, event: ClientEvent) -> None:
    """Only where nothing else asks for the response: the server would take it, and the model answer something else."""
    if not isinstance(event, ResponseCreateEvent) or checks.has_item_since_audio:
        return
    is_instructed = is_set(event.response) and is_set(event.response.instructions)
    if not is_instructed and (unheard_ms := checks.unheard_ms(event)):
        raise LocalProtocolError(
            f"cannot send response.create: the model would not hear the {unheard_ms} ms of audio that were appended, "
            "because turn detection is off and they are not committed; call commit() first, or send "
            "InputAudioBufferClearEvent() to drop them"
        )


def _check_modalities(checks: LocalChecks, event: ClientEvent) -> None:  # rule `error.both_modalities`
    match event:
        case ResponseCreateEvent(response=params) if is_set(params):
            modalities = params.output_modalities
        case SessionUpdateEvent(session=RealtimeSessionConfig() as config):
            modalities = config.output_modalities
        case _:
            return
    if is_set(modalities) and modalities not in (["audio"], ["text"]):
        raise LocalProtocolError(
            f"cannot send {event.type}: output_modalities {modalities} is not ['audio'] or ['text']; audio brings its "
            "transcript along, so ask for ['audio'] to have both"
        )


def _check_voice(checks: LocalChecks, event: ClientEvent) -> None:  # rules `error.voice_in_use`, `session.same_voice`
    if not checks.has_spoken or not isinstance(event, SessionUpdateEvent):
        return
    config = event.session
    if not isinstance(config, RealtimeSessionConfig) or not is_set(config.audio) or not is_set(config.audio.output):
        return
    voice = config.audio.output.voice
    if is_set(voice) and voice != checks.voice:
        raise LocalProtocolError(
            f"cannot send session.update: the voice cannot change to {voice!r} after the model has spoken, and the "
            "whole update would be lost; leave the voice out, or open a new session for it"
        )


def _check_event_id(checks: LocalChecks, event: ClientEvent) -> None:
    if is_set(event.event_id) and len(event.event_id) > MAX_EVENT_ID_CHARS:
        raise LocalProtocolError(
            f"cannot send {event.type}: its event_id has {len(event.event_id)} characters, and "
            f"{MAX_EVENT_ID_CHARS} are allowed; use a shorter one, or none"
        )


def _check_metadata(checks: LocalChecks, event: ClientEvent) -> None:  # rule `error.metadata_too_large`
    if not isinstance(event, ResponseCreateEvent) or not is_set(event.response):
        return
    metadata = event.response.metadata
    if not is_set(metadata):
        return
    problem = ""
    if len(metadata) > MAX_METADATA_PAIRS:
        problem = f"{len(metadata)} pairs, and {MAX_METADATA_PAIRS} are allowed"
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY_CHARS:
            problem = f"a key of {len(key)} characters, and {MAX_METADATA_KEY_CHARS} are allowed"
        elif len(value) > MAX_METADATA_VALUE_CHARS:
            problem = f"a value of {len(value)} characters under {key!r}, and {MAX_METADATA_VALUE_CHARS} are allowed"
    if problem:
        raise LocalProtocolError(f"cannot send response.create: its metadata has {problem}; keep the rest on your side")


_Check: TypeAlias = Callable[[LocalChecks, ClientEvent], None]

LOCAL_CHECKS: Final[Mapping[str, _Check]] = {
    "append_size": _check_append_size,
    "append_format": _check_append_format,
    "commit_length": _check_commit_length,
    "uncommitted_audio": _check_uncommitted_audio,
    "modalities": _check_modalities,
    "voice": _check_voice,
    "event_id": _check_event_id,
    "metadata": _check_metadata,
}
"""Every check by its name."""
