"""The events that only Azure Voice Live has: avatars, animation, times of words, turns by name, searches, warnings.

They are read and written in the dialect `azure-voice-live` alone, and belong to no union of the protocol; in any other
dialect an event of these names is unknown. Defined as Azure's own package defines them, `azure-ai-voicelive` 1.3:
https://learn.microsoft.com/azure/ai-services/speech-service/voice-live
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from duologue.events.base import (
    UNSET,
    ClientEvent,
    Id,
    Maybe,
    Number,
    ServerEvent,
    WireObject,
    decode_audio,
    encode_audio,
)

__all__ = [
    "AnyVoiceLiveClientEvent",
    "AnyVoiceLiveServerEvent",
    "InputAudioClearEvent",
    "InputAudioTurnAppendEvent",
    "InputAudioTurnCancelEvent",
    "InputAudioTurnEndEvent",
    "InputAudioTurnStartEvent",
    "InputTextDeltaEvent",
    "InputTextDoneEvent",
    "ResponseAnimationBlendshapesDeltaEvent",
    "ResponseAnimationBlendshapesDoneEvent",
    "ResponseAnimationVisemeDeltaEvent",
    "ResponseAnimationVisemeDoneEvent",
    "ResponseAudioTimestampDeltaEvent",
    "ResponseAudioTimestampDoneEvent",
    "ResponseAudioTranscriptAnnotationAddedEvent",
    "ResponseFileSearchCallCompletedEvent",
    "ResponseFileSearchCallInProgressEvent",
    "ResponseFileSearchCallSearchingEvent",
    "ResponseInvocationDeltaEvent",
    "ResponseVideoDeltaEvent",
    "ResponseWebSearchCallCompletedEvent",
    "ResponseWebSearchCallInProgressEvent",
    "ResponseWebSearchCallSearchingEvent",
    "SessionAvatarConnectEvent",
    "SessionAvatarConnectingEvent",
    "SessionAvatarSwitchToIdleEvent",
    "SessionAvatarSwitchToSpeakingEvent",
    "VoiceLiveServerEvent",
    "VoiceLiveTimestampType",
    "VoiceLiveWarning",
    "WarningEvent",
]

VoiceLiveTimestampType: TypeAlias = Annotated[str, Meta(examples=["word"])]


class VoiceLiveServerEvent(ServerEvent, frozen=True, kw_only=True):
    """An event that Voice Live sends, with or without an id."""

    event_id: Maybe[Id] = UNSET  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # wider: its package requires none


class VoiceLiveWarning(WireObject, frozen=True, kw_only=True):
    """What had less effect than was asked for."""

    message: str
    code: Maybe[str] = UNSET
    param: Maybe[str] = UNSET


# --- client events ---------------------------------------------------------------------------------------------------


class InputAudioClearEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio.clear"):
    """Drops the audio of all turns that have not ended."""

    type: ClassVar[Literal["input_audio.clear"]] = "input_audio.clear"


class InputAudioTurnAppendEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio.turn.append"):
    """Adds audio to a turn."""

    type: ClassVar[Literal["input_audio.turn.append"]] = "input_audio.turn.append"
    turn_id: Id
    audio: str

    audio_fields: ClassVar[frozenset[str]] = frozenset({"audio"})

    @classmethod
    def from_audio(cls, audio: bytes, *, turn_id: Id) -> InputAudioTurnAppendEvent:
        """The event that appends this audio, in the session's input format."""
        return cls(turn_id=turn_id, audio=encode_audio(audio))

    def decode_audio(self) -> bytes:
        """The audio's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.audio)


class InputAudioTurnCancelEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio.turn.cancel"):
    """Drops a turn with its audio."""

    type: ClassVar[Literal["input_audio.turn.cancel"]] = "input_audio.turn.cancel"
    turn_id: Id


class InputAudioTurnEndEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio.turn.end"):
    """Ends a turn: its audio becomes an item."""

    type: ClassVar[Literal["input_audio.turn.end"]] = "input_audio.turn.end"
    turn_id: Id


class InputAudioTurnStartEvent(ClientEvent, frozen=True, kw_only=True, tag="input_audio.turn.start"):
    """Begins a turn of the user under a name."""

    type: ClassVar[Literal["input_audio.turn.start"]] = "input_audio.turn.start"
    turn_id: Id


class InputTextDeltaEvent(ClientEvent, frozen=True, kw_only=True, tag="input_text.delta"):
    """Adds text to a message of the user while it is being typed."""

    type: ClassVar[Literal["input_text.delta"]] = "input_text.delta"
    id: Id
    delta: str
    content_index: Maybe[int] = UNSET


class InputTextDoneEvent(ClientEvent, frozen=True, kw_only=True, tag="input_text.done"):
    """Ends a message of the user that came in pieces."""

    type: ClassVar[Literal["input_text.done"]] = "input_text.done"
    id: Id
    content_index: Maybe[int] = UNSET


class SessionAvatarConnectEvent(ClientEvent, frozen=True, kw_only=True, tag="session.avatar.connect"):
    """Asks for the avatar's video over WebRTC."""

    type: ClassVar[Literal["session.avatar.connect"]] = "session.avatar.connect"
    client_sdp: str
    """The client's offer, as base64 of its JSON."""


# --- server events ---------------------------------------------------------------------------------------------------


class ResponseAnimationBlendshapesDeltaEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.animation_blendshapes.delta"
):
    """Frames of facial animation, which belong to the speech that is sent beside them."""

    type: ClassVar[Literal["response.animation_blendshapes.delta"]] = "response.animation_blendshapes.delta"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    frames: list[list[Number]] | str
    """One list of weights for each frame, or the same in base64."""
    frame_index: int
    """Of the first of these frames."""


class ResponseAnimationBlendshapesDoneEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.animation_blendshapes.done"
):
    """All frames of an item's facial animation have been sent."""

    type: ClassVar[Literal["response.animation_blendshapes.done"]] = "response.animation_blendshapes.done"
    response_id: Id
    item_id: Id
    output_index: int


class ResponseAnimationVisemeDeltaEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.animation_viseme.delta"
):
    """The shape of the mouth from a moment of the speech on."""

    type: ClassVar[Literal["response.animation_viseme.delta"]] = "response.animation_viseme.delta"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    audio_offset_ms: int
    """Since the beginning of the part's speech."""
    viseme_id: int
    """0 to 21, as Azure's speech service numbers them."""


class ResponseAnimationVisemeDoneEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.animation_viseme.done"
):
    """All visemes of a part have been sent."""

    type: ClassVar[Literal["response.animation_viseme.done"]] = "response.animation_viseme.done"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int


class ResponseAudioTimestampDeltaEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.audio_timestamp.delta"
):
    """When a word of the speech is spoken."""

    type: ClassVar[Literal["response.audio_timestamp.delta"]] = "response.audio_timestamp.delta"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    audio_offset_ms: int
    """Since the beginning of the part's speech."""
    audio_duration_ms: int
    """How long the word lasts."""
    text: str
    timestamp_type: VoiceLiveTimestampType


class ResponseAudioTimestampDoneEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.audio_timestamp.done"
):
    """All times of a part's words have been sent."""

    type: ClassVar[Literal["response.audio_timestamp.done"]] = "response.audio_timestamp.done"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int


class ResponseAudioTranscriptAnnotationAddedEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.audio_transcript.annotation.added"
):
    """A source or another remark on the transcript of the speech."""

    type: ClassVar[Literal["response.audio_transcript.annotation.added"]] = "response.audio_transcript.annotation.added"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    annotation_index: int
    annotation: Any


class ResponseFileSearchCallCompletedEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.file_search_call.completed"
):
    """A search in files has ended."""

    type: ClassVar[Literal["response.file_search_call.completed"]] = "response.file_search_call.completed"
    response_id: Id
    item_id: Id
    output_index: int
    sequence_number: int


class ResponseFileSearchCallInProgressEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.file_search_call.in_progress"
):
    """The model calls for a search in files."""

    type: ClassVar[Literal["response.file_search_call.in_progress"]] = "response.file_search_call.in_progress"
    response_id: Id
    item_id: Id
    output_index: int
    sequence_number: int


class ResponseFileSearchCallSearchingEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.file_search_call.searching"
):
    """A search in files runs."""

    type: ClassVar[Literal["response.file_search_call.searching"]] = "response.file_search_call.searching"
    response_id: Id
    item_id: Id
    output_index: int
    sequence_number: int


class ResponseInvocationDeltaEvent(VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.invocation.delta"):
    """A piece of what a called agent reports."""

    type: ClassVar[Literal["response.invocation.delta"]] = "response.invocation.delta"
    delta: dict[str, Any]


class ResponseVideoDeltaEvent(VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.video.delta"):
    """The next piece of the avatar's video."""

    type: ClassVar[Literal["response.video.delta"]] = "response.video.delta"
    output_index: int
    codec: str
    delta: str

    audio_fields: ClassVar[frozenset[str]] = frozenset({"delta"})


class ResponseWebSearchCallCompletedEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.web_search_call.completed"
):
    """A search in the web has ended."""

    type: ClassVar[Literal["response.web_search_call.completed"]] = "response.web_search_call.completed"
    response_id: Id
    item_id: Id
    output_index: int
    sequence_number: int


class ResponseWebSearchCallInProgressEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.web_search_call.in_progress"
):
    """The model calls for a search in the web."""

    type: ClassVar[Literal["response.web_search_call.in_progress"]] = "response.web_search_call.in_progress"
    response_id: Id
    item_id: Id
    output_index: int
    sequence_number: int


class ResponseWebSearchCallSearchingEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="response.web_search_call.searching"
):
    """A search in the web runs."""

    type: ClassVar[Literal["response.web_search_call.searching"]] = "response.web_search_call.searching"
    response_id: Id
    item_id: Id
    output_index: int
    sequence_number: int


class SessionAvatarConnectingEvent(VoiceLiveServerEvent, frozen=True, kw_only=True, tag="session.avatar.connecting"):
    """The avatar's video can be connected."""

    type: ClassVar[Literal["session.avatar.connecting"]] = "session.avatar.connecting"
    server_sdp: str
    """The server's answer, as base64 of its JSON."""


class SessionAvatarSwitchToIdleEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="session.avatar.switch_to_idle"
):
    """The avatar has stopped speaking."""

    type: ClassVar[Literal["session.avatar.switch_to_idle"]] = "session.avatar.switch_to_idle"
    turn_id: Maybe[Id] = UNSET


class SessionAvatarSwitchToSpeakingEvent(
    VoiceLiveServerEvent, frozen=True, kw_only=True, tag="session.avatar.switch_to_speaking"
):
    """The avatar has begun to speak."""

    type: ClassVar[Literal["session.avatar.switch_to_speaking"]] = "session.avatar.switch_to_speaking"
    turn_id: Maybe[Id] = UNSET


class WarningEvent(VoiceLiveServerEvent, frozen=True, kw_only=True, tag="warning"):
    """Something was not done as asked, and the session goes on."""

    type: ClassVar[Literal["warning"]] = "warning"
    warning: VoiceLiveWarning


# --- unions ----------------------------------------------------------------------------------------------------------

AnyVoiceLiveClientEvent: TypeAlias = (
    InputAudioClearEvent
    | InputAudioTurnAppendEvent
    | InputAudioTurnCancelEvent
    | InputAudioTurnEndEvent
    | InputAudioTurnStartEvent
    | InputTextDeltaEvent
    | InputTextDoneEvent
    | SessionAvatarConnectEvent
)
"""Everything that only a client of Voice Live sends."""

AnyVoiceLiveServerEvent: TypeAlias = (
    ResponseAnimationBlendshapesDeltaEvent
    | ResponseAnimationBlendshapesDoneEvent
    | ResponseAnimationVisemeDeltaEvent
    | ResponseAnimationVisemeDoneEvent
    | ResponseAudioTimestampDeltaEvent
    | ResponseAudioTimestampDoneEvent
    | ResponseAudioTranscriptAnnotationAddedEvent
    | ResponseFileSearchCallCompletedEvent
    | ResponseFileSearchCallInProgressEvent
    | ResponseFileSearchCallSearchingEvent
    | ResponseInvocationDeltaEvent
    | ResponseVideoDeltaEvent
    | ResponseWebSearchCallCompletedEvent
    | ResponseWebSearchCallInProgressEvent
    | ResponseWebSearchCallSearchingEvent
    | SessionAvatarConnectingEvent
    | SessionAvatarSwitchToIdleEvent
    | SessionAvatarSwitchToSpeakingEvent
    | WarningEvent
)
"""Everything that only Voice Live sends."""
