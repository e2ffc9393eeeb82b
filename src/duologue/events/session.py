"""Sessions of both kinds, and the events that announce and change them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

from duologue.events.audio import AudioConfig, AudioFormat, AudioTranscription, NoiseReduction, TurnDetection
from duologue.events.base import (
    UNSET,
    ClientEvent,
    Id,
    Maybe,
    Number,
    ServerEvent,
    UnknownVariant,
    Variant,
    WireObject,
)
from duologue.events.tools import Tool, ToolChoice
from duologue.events.values import Include, Modality, RealtimeModel, ReasoningEffort, TruncationMode

__all__ = [
    "AnySession",
    "AnySessionConfig",
    "BetaClientSecret",
    "BetaTranscriptionSession",
    "BetaTurnDetection",
    "ClientSecretExpiresAfter",
    "Prompt",
    "RealtimeSession",
    "RealtimeSessionConfig",
    "Reasoning",
    "RetentionRatioTruncation",
    "SessionCreatedEvent",
    "SessionUpdateEvent",
    "SessionUpdatedEvent",
    "Tracing",
    "TracingConfig",
    "TranscriptionSession",
    "TranscriptionSessionAudio",
    "TranscriptionSessionAudioInput",
    "TranscriptionSessionConfig",
    "TranscriptionSessionCreatedEvent",
    "TranscriptionSessionUpdateEvent",
    "TranscriptionSessionUpdatedEvent",
    "Truncation",
    "TruncationTokenLimits",
    "UnknownSession",
    "UnknownTruncation",
]

# --- settings -------------------------------------------------------------------------------------------------------


class TracingConfig(WireObject, frozen=True, kw_only=True):
    """Where the session's trace is filed."""

    workflow_name: Maybe[str] = UNSET
    group_id: Maybe[str] = UNSET
    metadata: Any = UNSET


Tracing: TypeAlias = str | TracingConfig


class TruncationTokenLimits(WireObject, frozen=True, kw_only=True):
    """Token limits of the context that is kept."""

    post_instructions: Maybe[int] = UNSET


class RetentionRatioTruncation(Variant, frozen=True, kw_only=True, tag="retention_ratio"):
    """When the context is full, keep this part of it."""

    type: ClassVar[Literal["retention_ratio"]] = "retention_ratio"
    retention_ratio: Number
    token_limits: Maybe[TruncationTokenLimits] = UNSET


class UnknownTruncation(UnknownVariant, frozen=True, kw_only=True):
    """A way to truncate that this version does not know."""


Truncation: TypeAlias = TruncationMode | RetentionRatioTruncation | UnknownTruncation


class Prompt(WireObject, frozen=True, kw_only=True):
    """A stored prompt; fields of the session win over it."""

    id: str
    version: Maybe[str] = UNSET
    variables: Maybe[dict[str, Any]] = UNSET


class Reasoning(WireObject, frozen=True, kw_only=True):
    """How hard a reasoning model thinks."""

    effort: Maybe[ReasoningEffort] = UNSET


# --- sessions of kind realtime --------------------------------------------------------------------------------------


class RealtimeSession(Variant, frozen=True, kw_only=True, tag="realtime"):
    """A conversation's session in full, as the server sends it."""

    type: ClassVar[Literal["realtime"]] = "realtime"
    id: Id
    object: str
    model: Maybe[RealtimeModel] = UNSET
    output_modalities: Maybe[list[Modality]] = UNSET
    instructions: Maybe[str] = UNSET
    tools: Maybe[list[Tool]] = UNSET
    tool_choice: Maybe[ToolChoice] = UNSET
    parallel_tool_calls: Maybe[bool] = UNSET
    max_output_tokens: Maybe[int | str] = UNSET
    tracing: Maybe[Tracing] = UNSET
    truncation: Maybe[Truncation] = UNSET
    prompt: Maybe[Prompt] = UNSET
    reasoning: Maybe[Reasoning] = UNSET
    expires_at: Maybe[int] = UNSET
    """Unix seconds."""
    audio: Maybe[AudioConfig] = UNSET
    include: Maybe[list[Include]] = UNSET


class RealtimeSessionConfig(Variant, frozen=True, kw_only=True, tag="realtime"):
    """What a client wants of a conversation's session; absent fields stay as they are."""

    type: ClassVar[Literal["realtime"]] = "realtime"
    model: Maybe[RealtimeModel] = UNSET
    output_modalities: Maybe[list[Modality]] = UNSET
    instructions: Maybe[str] = UNSET
    tools: Maybe[list[Tool]] = UNSET
    tool_choice: Maybe[ToolChoice] = UNSET
    parallel_tool_calls: Maybe[bool] = UNSET
    max_output_tokens: Maybe[int | str] = UNSET
    tracing: Maybe[Tracing] = UNSET
    truncation: Maybe[Truncation] = UNSET
    prompt: Maybe[Prompt] = UNSET
    reasoning: Maybe[Reasoning] = UNSET
    audio: Maybe[AudioConfig] = UNSET
    include: Maybe[list[Include]] = UNSET


# --- sessions of kind transcription ---------------------------------------------------------------------------------


class TranscriptionSessionAudioInput(WireObject, frozen=True, kw_only=True):
    """Input settings of a session that only transcribes."""

    format: Maybe[AudioFormat] = UNSET
    noise_reduction: Maybe[NoiseReduction] = UNSET
    transcription: Maybe[AudioTranscription] = UNSET
    turn_detection: Maybe[TurnDetection] = UNSET


class TranscriptionSessionAudio(WireObject, frozen=True, kw_only=True):
    """Audio of a session that only transcribes: it has an input and no output."""

    input: Maybe[TranscriptionSessionAudioInput] = UNSET


class TranscriptionSession(Variant, frozen=True, kw_only=True, tag="transcription"):
    """A session that only transcribes, in full, as the server sends it."""

    type: ClassVar[Literal["transcription"]] = "transcription"
    id: Id
    object: str
    expires_at: Maybe[int] = UNSET
    audio: Maybe[TranscriptionSessionAudio] = UNSET
    include: Maybe[list[Include]] = UNSET


class TranscriptionSessionConfig(Variant, frozen=True, kw_only=True, tag="transcription"):
    """What a client wants of a session that only transcribes; absent fields stay as they are."""

    type: ClassVar[Literal["transcription"]] = "transcription"
    audio: Maybe[TranscriptionSessionAudio] = UNSET
    include: Maybe[list[Include]] = UNSET


class UnknownSession(UnknownVariant, frozen=True, kw_only=True):
    """A session of another kind, or of the flat beta shape, which names no kind at all."""


AnySession: TypeAlias = RealtimeSession | TranscriptionSession | UnknownSession
AnySessionConfig: TypeAlias = RealtimeSessionConfig | TranscriptionSessionConfig | UnknownSession

# --- beta transcription sessions: a family of their own, never sent by a GA server ----------------------------------


class BetaTurnDetection(WireObject, frozen=True, kw_only=True):
    """Beta turn detection: one loose object for every kind."""

    type: Maybe[str] = UNSET
    threshold: Maybe[Number] = UNSET
    prefix_padding_ms: Maybe[int] = UNSET
    silence_duration_ms: Maybe[int] = UNSET
    create_response: Maybe[bool] = UNSET
    interrupt_response: Maybe[bool] = UNSET
    eagerness: Maybe[str] = UNSET


class ClientSecretExpiresAfter(WireObject, frozen=True, kw_only=True):
    """Lifetime of an ephemeral key."""

    anchor: Maybe[str] = UNSET
    seconds: Maybe[int] = UNSET


class BetaClientSecret(WireObject, frozen=True, kw_only=True):
    """An ephemeral key. The fields differ between what a server sends and what a client asks for."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"value"})
    value: Maybe[str] = UNSET
    expires_at: Maybe[int | ClientSecretExpiresAfter] = UNSET


class BetaTranscriptionSession(WireObject, frozen=True, kw_only=True):
    """The flat beta shape of a session that only transcribes."""

    id: Maybe[Id] = UNSET
    object: Maybe[str] = UNSET
    expires_at: Maybe[int] = UNSET
    modalities: Maybe[list[Modality]] = UNSET
    input_audio_format: Maybe[str] = UNSET
    input_audio_transcription: Maybe[AudioTranscription] = UNSET
    input_audio_noise_reduction: Maybe[NoiseReduction] = UNSET
    turn_detection: Maybe[BetaTurnDetection] = UNSET
    include: Maybe[list[Include]] = UNSET
    client_secret: Maybe[BetaClientSecret] = UNSET


# --- events ---------------------------------------------------------------------------------------------------------


class SessionUpdateEvent(ClientEvent, frozen=True, kw_only=True, tag="session.update"):
    """Changes the session; only the fields that are present change."""

    type: ClassVar[Literal["session.update"]] = "session.update"
    session: AnySessionConfig


class SessionCreatedEvent(ServerEvent, frozen=True, kw_only=True, tag="session.created"):
    """First event of a connection: the session with its defaults."""

    type: ClassVar[Literal["session.created"]] = "session.created"
    session: AnySession


class SessionUpdatedEvent(ServerEvent, frozen=True, kw_only=True, tag="session.updated"):
    """An update was taken; the session in full."""

    type: ClassVar[Literal["session.updated"]] = "session.updated"
    session: AnySession


class TranscriptionSessionUpdateEvent(ClientEvent, frozen=True, kw_only=True, tag="transcription_session.update"):
    """Beta: changes a session that only transcribes."""

    type: ClassVar[Literal["transcription_session.update"]] = "transcription_session.update"
    session: BetaTranscriptionSession


class TranscriptionSessionCreatedEvent(ServerEvent, frozen=True, kw_only=True, tag="transcription_session.created"):
    """Beta: first event of a session that only transcribes."""

    type: ClassVar[Literal["transcription_session.created"]] = "transcription_session.created"
    session: BetaTranscriptionSession


class TranscriptionSessionUpdatedEvent(ServerEvent, frozen=True, kw_only=True, tag="transcription_session.updated"):
    """Beta: an update of a session that only transcribes was taken."""

    type: ClassVar[Literal["transcription_session.updated"]] = "transcription_session.updated"
    session: BetaTranscriptionSession
