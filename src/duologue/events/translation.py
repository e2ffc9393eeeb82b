"""The translation family: speech in one language in, speech in another out, on an endpoint of its own.

Its events share wire names with the realtime family and mean other shapes, so they have a root of their own. There are
no turns, no items and no responses: text and speech flow until the session is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from duologue.events.base import (
    UNKNOWN_TAG,
    UNSET,
    Id,
    Maybe,
    Number,
    Opt,
    UnknownFrame,
    UnknownVariant,
    Variant,
    WireObject,
    abstract_event,
    decode_audio,
    encode_audio,
    load_codec,
    refuse_base,
)
from duologue.events.error import RealtimeError
from duologue.events.values import NoiseReductionType

__all__ = [
    "AnyTranslationClientEvent",
    "AnyTranslationEvent",
    "AnyTranslationServerEvent",
    "AnyTranslationSession",
    "TranslationAudio",
    "TranslationAudioInput",
    "TranslationAudioOutput",
    "TranslationClientEvent",
    "TranslationErrorEvent",
    "TranslationEvent",
    "TranslationInputAudioBufferAppendEvent",
    "TranslationInputTranscriptDeltaEvent",
    "TranslationInputTranscription",
    "TranslationNoiseReduction",
    "TranslationOutputAudioDeltaEvent",
    "TranslationOutputTranscriptDeltaEvent",
    "TranslationServerEvent",
    "TranslationSession",
    "TranslationSessionCloseEvent",
    "TranslationSessionClosedEvent",
    "TranslationSessionCreatedEvent",
    "TranslationSessionUpdate",
    "TranslationSessionUpdateEvent",
    "TranslationSessionUpdatedEvent",
    "UnknownTranslationEvent",
    "UnknownTranslationSession",
]

# --- the session ----------------------------------------------------------------------------------------------------


class TranslationInputTranscription(WireObject, frozen=True, kw_only=True):
    """Asks for the source speech as text too."""

    model: str


class TranslationNoiseReduction(WireObject, frozen=True, kw_only=True):
    """Filter on the source speech."""

    type: NoiseReductionType
    strength: Maybe[Number] = UNSET


class TranslationAudioInput(WireObject, frozen=True, kw_only=True):
    """The source side. Null switches a setting off; absent leaves it alone."""

    noise_reduction: Maybe[TranslationNoiseReduction] = UNSET
    transcription: Maybe[TranslationInputTranscription] = UNSET


class TranslationAudioOutput(WireObject, frozen=True, kw_only=True):
    """The target side."""

    language: Maybe[str] = UNSET


class TranslationAudio(WireObject, frozen=True, kw_only=True):
    """Both sides of a translation."""

    input: Maybe[TranslationAudioInput] = UNSET
    output: Maybe[TranslationAudioOutput] = UNSET


class TranslationSession(Variant, frozen=True, kw_only=True, tag="translation"):
    """A translation session in full, as the server sends it."""

    type: ClassVar[Literal["translation"]] = "translation"
    id: Id
    model: str
    audio: TranslationAudio
    expires_at: int
    """Unix seconds."""
    include: Maybe[list[str]] = UNSET
    """Not in the published schema; the hosted service sends null."""


class UnknownTranslationSession(UnknownVariant, frozen=True, kw_only=True):
    """A session of another kind."""


AnyTranslationSession: TypeAlias = TranslationSession | UnknownTranslationSession
"""A translation session as the server reports it, of a kind that is known or not."""


class TranslationSessionUpdate(WireObject, frozen=True, kw_only=True):
    """What a client wants of its session: the language, the source transcript, the filter; absent fields stay."""

    audio: Maybe[TranslationAudio] = UNSET


# --- roots ----------------------------------------------------------------------------------------------------------


@abstract_event
class TranslationEvent(Variant, frozen=True, kw_only=True):
    """Base of every event of a translation connection."""

    type: ClassVar[Any]

    def __post_init__(self) -> None:
        refuse_base(self)

    if TYPE_CHECKING:
        # Each event class says for itself whether its id may be absent.
        @property
        def event_id(self) -> Maybe[Id]: ...

    # The floor above puts its own in place of these two.
    @staticmethod
    def _read_json(data: Mapping[str, Any] | str | bytes) -> Any:
        load_codec("translation")
        return TranslationEvent._read_json(data)

    @staticmethod
    def _write_json(event: TranslationEvent) -> dict[str, Any]:
        load_codec("translation")
        return TranslationEvent._write_json(event)

    @staticmethod
    def from_json(data: Mapping[str, Any] | str | bytes) -> AnyTranslationEvent:
        """The event that this JSON object is, dispatched on its `type`.

        An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownTranslationEvent`.

        Raises:
            DecodeError: the text is not a JSON object.
        """
        event: AnyTranslationEvent = TranslationEvent._read_json(data)
        return event

    def to_json(self) -> dict[str, Any]:
        """The event as a JSON-ready dict, with every extra field it came with."""
        return TranslationEvent._write_json(self)


@abstract_event
class TranslationServerEvent(TranslationEvent, frozen=True, kw_only=True):
    """An event that translation servers send."""

    event_id: Id  # pyright: ignore[reportIncompatibleMethodOverride]  # frozen, so as read-only as the property

    def __post_init__(self) -> None:
        refuse_base(self)


@abstract_event
class TranslationClientEvent(TranslationEvent, frozen=True, kw_only=True):
    """An event that clients send on a translation connection."""

    event_id: Maybe[Id] = UNSET  # pyright: ignore[reportIncompatibleMethodOverride]  # frozen, likewise

    def __post_init__(self) -> None:
        refuse_base(self)


class UnknownTranslationEvent(UnknownFrame, TranslationEvent, frozen=True, kw_only=True, tag=UNKNOWN_TAG):
    """An event that cannot be typed truthfully; nothing of it is lost."""


# --- client events --------------------------------------------------------------------------------------------------


class TranslationSessionUpdateEvent(TranslationClientEvent, frozen=True, kw_only=True, tag="session.update"):
    """Changes the session; only the fields that are present change."""

    type: ClassVar[Literal["session.update"]] = "session.update"
    session: TranslationSessionUpdate


class TranslationInputAudioBufferAppendEvent(
    TranslationClientEvent, frozen=True, kw_only=True, tag="session.input_audio_buffer.append"
):
    """Adds source speech: base64, 24 kHz mono PCM16. Silence has to be sent too; nothing acknowledges it."""

    type: ClassVar[Literal["session.input_audio_buffer.append"]] = "session.input_audio_buffer.append"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"audio"})
    audio: str

    @classmethod
    def from_audio(cls, audio: bytes, *, event_id: Opt[Id] = UNSET) -> TranslationInputAudioBufferAppendEvent:
        """The event that appends these bytes."""
        return cls(audio=encode_audio(audio), event_id=event_id)

    def decode_audio(self) -> bytes:
        """The audio's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.audio)


class TranslationSessionCloseEvent(TranslationClientEvent, frozen=True, kw_only=True, tag="session.close"):
    """Asks for what is still to be translated, and for the end."""

    type: ClassVar[Literal["session.close"]] = "session.close"


# --- server events --------------------------------------------------------------------------------------------------


class TranslationErrorEvent(TranslationServerEvent, frozen=True, kw_only=True, tag="error"):
    """The server refused a client event, or failed at something of its own."""

    type: ClassVar[Literal["error"]] = "error"
    event_id: Maybe[Id] = UNSET  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # wider, as `ErrorEvent`'s is
    error: RealtimeError


class TranslationSessionCreatedEvent(TranslationServerEvent, frozen=True, kw_only=True, tag="session.created"):
    """First event of a connection: the session with its defaults."""

    type: ClassVar[Literal["session.created"]] = "session.created"
    session: AnyTranslationSession


class TranslationSessionUpdatedEvent(TranslationServerEvent, frozen=True, kw_only=True, tag="session.updated"):
    """An update was taken; the session in full."""

    type: ClassVar[Literal["session.updated"]] = "session.updated"
    session: AnyTranslationSession


class TranslationSessionClosedEvent(TranslationServerEvent, frozen=True, kw_only=True, tag="session.closed"):
    """Everything is translated and sent; the connection ends."""

    type: ClassVar[Literal["session.closed"]] = "session.closed"


class TranslationInputTranscriptDeltaEvent(
    TranslationServerEvent, frozen=True, kw_only=True, tag="session.input_transcript.delta"
):
    """The next piece of the source text. Pieces bring their own spaces; `elapsed_ms` says where in the stream."""

    type: ClassVar[Literal["session.input_transcript.delta"]] = "session.input_transcript.delta"
    delta: str
    elapsed_ms: Maybe[int] = UNSET


class TranslationOutputTranscriptDeltaEvent(
    TranslationServerEvent, frozen=True, kw_only=True, tag="session.output_transcript.delta"
):
    """The next piece of the translated text."""

    type: ClassVar[Literal["session.output_transcript.delta"]] = "session.output_transcript.delta"
    delta: str
    elapsed_ms: Maybe[int] = UNSET


class TranslationOutputAudioDeltaEvent(
    TranslationServerEvent, frozen=True, kw_only=True, tag="session.output_audio.delta"
):
    """The next piece of the translated speech, base64 PCM16; 24 kHz mono unless it says otherwise."""

    type: ClassVar[Literal["session.output_audio.delta"]] = "session.output_audio.delta"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"delta"})
    delta: str
    format: Maybe[str] = UNSET
    sample_rate: Maybe[int] = UNSET
    channels: Maybe[int] = UNSET
    elapsed_ms: Maybe[int] = UNSET

    def decode_audio(self) -> bytes:
        """The speech's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.delta)


AnyTranslationClientEvent: TypeAlias = (
    TranslationInputAudioBufferAppendEvent | TranslationSessionCloseEvent | TranslationSessionUpdateEvent
)
"""Everything that a client sends on a translation connection."""

AnyTranslationServerEvent: TypeAlias = (
    TranslationErrorEvent
    | TranslationInputTranscriptDeltaEvent
    | TranslationOutputAudioDeltaEvent
    | TranslationOutputTranscriptDeltaEvent
    | TranslationSessionClosedEvent
    | TranslationSessionCreatedEvent
    | TranslationSessionUpdatedEvent
)
"""Everything that a translation server sends."""

AnyTranslationEvent: TypeAlias = AnyTranslationClientEvent | AnyTranslationServerEvent | UnknownTranslationEvent
"""Everything that decoding can yield."""
