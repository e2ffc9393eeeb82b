"""Audio: formats, turn detection, noise reduction, and the events of the input and output buffers."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from duologue.events.base import (
    UNSET,
    ClientEvent,
    Id,
    Maybe,
    Number,
    Opt,
    ServerEvent,
    UnknownVariant,
    Variant,
    WireObject,
    decode_audio,
    encode_audio,
)
from duologue.events.values import Eagerness, NoiseReductionType, TranscriptionDelay, TranscriptionModel, VoiceName

__all__ = [
    "AudioConfig",
    "AudioFormat",
    "AudioInputConfig",
    "AudioOutputConfig",
    "AudioTranscription",
    "CustomVoice",
    "InputAudioBufferAppendEvent",
    "InputAudioBufferClearEvent",
    "InputAudioBufferClearedEvent",
    "InputAudioBufferCommitEvent",
    "InputAudioBufferCommittedEvent",
    "InputAudioBufferDtmfEventReceivedEvent",
    "InputAudioBufferSpeechStartedEvent",
    "InputAudioBufferSpeechStoppedEvent",
    "InputAudioBufferTimeoutTriggeredEvent",
    "NoiseReduction",
    "OutputAudioBufferClearEvent",
    "OutputAudioBufferClearedEvent",
    "OutputAudioBufferStartedEvent",
    "OutputAudioBufferStoppedEvent",
    "PcmAudioFormat",
    "PcmaAudioFormat",
    "PcmuAudioFormat",
    "SemanticVad",
    "ServerVad",
    "TurnDetection",
    "UnknownAudioFormat",
    "UnknownTurnDetection",
    "Voice",
]

# --- formats --------------------------------------------------------------------------------------------------------


class PcmAudioFormat(Variant, frozen=True, kw_only=True, tag="audio/pcm"):
    """16-bit little-endian mono samples; the hosted service knows 24 kHz only."""

    type: ClassVar[Literal["audio/pcm"]] = "audio/pcm"
    rate: Maybe[int] = UNSET


class PcmuAudioFormat(Variant, frozen=True, kw_only=True, tag="audio/pcmu"):
    """G.711 μ-law, 8 kHz."""

    type: ClassVar[Literal["audio/pcmu"]] = "audio/pcmu"


class PcmaAudioFormat(Variant, frozen=True, kw_only=True, tag="audio/pcma"):
    """G.711 A-law, 8 kHz."""

    type: ClassVar[Literal["audio/pcma"]] = "audio/pcma"


class UnknownAudioFormat(UnknownVariant, frozen=True, kw_only=True):
    """A format that this version does not know."""


AudioFormat: TypeAlias = PcmAudioFormat | PcmuAudioFormat | PcmaAudioFormat | UnknownAudioFormat

# --- settings of the input ------------------------------------------------------------------------------------------


class ServerVad(Variant, frozen=True, kw_only=True, tag="server_vad"):
    """Turns end after a silence."""

    type: ClassVar[Literal["server_vad"]] = "server_vad"
    threshold: Maybe[Number] = UNSET
    prefix_padding_ms: Maybe[int] = UNSET
    silence_duration_ms: Maybe[int] = UNSET
    create_response: Maybe[bool] = UNSET
    interrupt_response: Maybe[bool] = UNSET
    idle_timeout_ms: Maybe[int] = UNSET


class SemanticVad(Variant, frozen=True, kw_only=True, tag="semantic_vad"):
    """Turns end when what was said sounds complete; `eagerness` caps the wait."""

    type: ClassVar[Literal["semantic_vad"]] = "semantic_vad"
    eagerness: Maybe[Eagerness] = UNSET
    create_response: Maybe[bool] = UNSET
    interrupt_response: Maybe[bool] = UNSET


class UnknownTurnDetection(UnknownVariant, frozen=True, kw_only=True):
    """A way to detect turns that this version does not know."""


TurnDetection: TypeAlias = ServerVad | SemanticVad | UnknownTurnDetection


class NoiseReduction(WireObject, frozen=True, kw_only=True):
    """Filter on the input audio, before turn detection and the model."""

    type: Maybe[NoiseReductionType] = UNSET
    strength: Maybe[Number] = UNSET


class AudioTranscription(WireObject, frozen=True, kw_only=True):
    """How input audio is transcribed."""

    model: Maybe[TranscriptionModel] = UNSET
    language: Maybe[str] = UNSET
    prompt: Maybe[str] = UNSET
    languages: Maybe[list[str]] = UNSET
    keywords: Maybe[list[str]] = UNSET
    delay: Maybe[TranscriptionDelay] = UNSET


class AudioInputConfig(WireObject, frozen=True, kw_only=True):
    """Null switches `noise_reduction`, `transcription` or `turn_detection` off; absent leaves it alone."""

    format: Maybe[AudioFormat] = UNSET
    noise_reduction: Maybe[NoiseReduction] = UNSET
    transcription: Maybe[AudioTranscription] = UNSET
    turn_detection: Maybe[TurnDetection] = UNSET


class CustomVoice(WireObject, frozen=True, kw_only=True):
    """A voice that is not one of the named ones: made by the user, or described as some vendors do."""

    id: Maybe[Id] = UNSET


Voice: TypeAlias = VoiceName | CustomVoice


class AudioOutputConfig(WireObject, frozen=True, kw_only=True):
    """How the model's voice sounds; `speed` is a factor, 1.0 as recorded."""

    format: Maybe[AudioFormat] = UNSET
    voice: Maybe[Voice] = UNSET
    speed: Maybe[Number] = UNSET


class AudioConfig(WireObject, frozen=True, kw_only=True):
    """Both sides of a session's audio."""

    input: Maybe[AudioInputConfig] = UNSET
    output: Maybe[AudioOutputConfig] = UNSET


# --- client events --------------------------------------------------------------------------------------------------


class InputAudioBufferAppendEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.append"):
    """Adds base64 audio to the input buffer. Never acknowledged."""

    type: ClassVar[Literal["input_audio_buffer.append"]] = "input_audio_buffer.append"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"audio"})
    audio: str

    @classmethod
    def from_audio(cls, audio: bytes, *, event_id: Opt[Id] = UNSET) -> InputAudioBufferAppendEvent:
        """The event that appends these bytes, which must be in the session's input format."""
        return cls(audio=encode_audio(audio), event_id=event_id)

    def decode_audio(self) -> bytes:
        """The audio's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.audio)


class InputAudioBufferCommitEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    """Makes a user message of the buffered audio."""

    type: ClassVar[Literal["input_audio_buffer.commit"]] = "input_audio_buffer.commit"


class InputAudioBufferClearEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    """Drops the buffered audio."""

    type: ClassVar[Literal["input_audio_buffer.clear"]] = "input_audio_buffer.clear"


class OutputAudioBufferClearEvent(ClientEvent, frozen=True, kw_only=True, tag="output_audio_buffer.clear"):
    """Stops what the server is still playing (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.clear"]] = "output_audio_buffer.clear"


# --- server events: input -------------------------------------------------------------------------------------------


class InputAudioBufferCommittedEvent(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    """The buffer became the user message `item_id`."""

    type: ClassVar[Literal["input_audio_buffer.committed"]] = "input_audio_buffer.committed"
    item_id: Id
    previous_item_id: Maybe[Id] = UNSET


class InputAudioBufferClearedEvent(ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"):
    """The buffer was emptied, as the client asked."""

    type: ClassVar[Literal["input_audio_buffer.cleared"]] = "input_audio_buffer.cleared"


class InputAudioBufferSpeechStartedEvent(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"
):
    """Speech was found. `audio_start_ms` counts from the session's first audio byte and includes the prefix padding."""

    type: ClassVar[Literal["input_audio_buffer.speech_started"]] = "input_audio_buffer.speech_started"
    item_id: Id
    audio_start_ms: int


class InputAudioBufferSpeechStoppedEvent(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"
):
    """Speech ended. `audio_end_ms` counts from the session's first audio byte and includes the trailing silence."""

    type: ClassVar[Literal["input_audio_buffer.speech_stopped"]] = "input_audio_buffer.speech_stopped"
    item_id: Id
    audio_end_ms: int


class InputAudioBufferTimeoutTriggeredEvent(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.timeout_triggered"
):
    """There was no speech for `idle_timeout_ms`; the empty turn is committed and the model prompts the user."""

    type: ClassVar[Literal["input_audio_buffer.timeout_triggered"]] = "input_audio_buffer.timeout_triggered"
    item_id: Id
    audio_start_ms: int
    audio_end_ms: int


class InputAudioBufferDtmfEventReceivedEvent(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.dtmf_event_received"
):
    """A telephone key was pressed (SIP). The one server event of the family that has no `event_id`."""

    type: ClassVar[Literal["input_audio_buffer.dtmf_event_received"]] = "input_audio_buffer.dtmf_event_received"
    event_id: Maybe[Id] = UNSET  # type: ignore[assignment]  # the wire's own exception to its rule
    event: str
    received_at: int


# --- server events: output ------------------------------------------------------------------------------------------


class OutputAudioBufferStartedEvent(ServerEvent, frozen=True, kw_only=True, tag="output_audio_buffer.started"):
    """The server began to play a response (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.started"]] = "output_audio_buffer.started"
    response_id: Id


class OutputAudioBufferStoppedEvent(ServerEvent, frozen=True, kw_only=True, tag="output_audio_buffer.stopped"):
    """The server has played all of a response (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.stopped"]] = "output_audio_buffer.stopped"
    response_id: Id


class OutputAudioBufferClearedEvent(ServerEvent, frozen=True, kw_only=True, tag="output_audio_buffer.cleared"):
    """The server stopped playing before the end (WebRTC and SIP)."""

    type: ClassVar[Literal["output_audio_buffer.cleared"]] = "output_audio_buffer.cleared"
    response_id: Id
