"""Events of the conversation: its items, and the transcription of the user's speech."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

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
from duologue.events.items import ConversationItem

__all__ = [
    "ConversationCreatedEvent",
    "ConversationItemAddedEvent",
    "ConversationItemCreateEvent",
    "ConversationItemCreatedEvent",
    "ConversationItemDeleteEvent",
    "ConversationItemDeletedEvent",
    "ConversationItemDoneEvent",
    "ConversationItemRetrieveEvent",
    "ConversationItemRetrievedEvent",
    "ConversationItemTruncateEvent",
    "ConversationItemTruncatedEvent",
    "InputAudioTranscriptionCompletedEvent",
    "InputAudioTranscriptionDeltaEvent",
    "InputAudioTranscriptionFailedEvent",
    "InputAudioTranscriptionSegmentEvent",
    "LogProb",
    "RealtimeConversation",
    "TranscriptionDurationUsage",
    "TranscriptionError",
    "TranscriptionLanguage",
    "TranscriptionTokenUsage",
    "TranscriptionTokenUsageInputDetails",
    "TranscriptionUsage",
    "UnknownTranscriptionUsage",
]

# --- client events --------------------------------------------------------------------------------------------------


class ConversationItemCreateEvent(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Puts an item into the conversation: at the end, behind `previous_item_id`, or first with "root"."""

    type: ClassVar[Literal["conversation.item.create"]] = "conversation.item.create"
    previous_item_id: Maybe[Id] = UNSET
    item: ConversationItem


class ConversationItemRetrieveEvent(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.retrieve"):
    """Asks for an item as the server has it, its audio included."""

    type: ClassVar[Literal["conversation.item.retrieve"]] = "conversation.item.retrieve"
    item_id: Id


class ConversationItemTruncateEvent(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    """Cuts an assistant's speech to what was heard of it."""

    type: ClassVar[Literal["conversation.item.truncate"]] = "conversation.item.truncate"
    item_id: Id
    content_index: int
    audio_end_ms: int


class ConversationItemDeleteEvent(ClientEvent, frozen=True, kw_only=True, tag="conversation.item.delete"):
    """Takes an item out of the conversation."""

    type: ClassVar[Literal["conversation.item.delete"]] = "conversation.item.delete"
    item_id: Id


# --- server events: items -------------------------------------------------------------------------------------------


class RealtimeConversation(WireObject, frozen=True, kw_only=True):
    """The conversation of a session."""

    id: Maybe[Id] = UNSET
    object: Maybe[str] = UNSET


class ConversationCreatedEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.created"):
    """Beta servers, and some others, announce the conversation behind `session.created`."""

    type: ClassVar[Literal["conversation.created"]] = "conversation.created"
    conversation: RealtimeConversation


class ConversationItemAddedEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.added"):
    """An item entered the conversation; a model's item is still empty then."""

    type: ClassVar[Literal["conversation.item.added"]] = "conversation.item.added"
    previous_item_id: Maybe[Id] = UNSET
    item: ConversationItem


class ConversationItemDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.done"):
    """An item is final."""

    type: ClassVar[Literal["conversation.item.done"]] = "conversation.item.done"
    previous_item_id: Maybe[Id] = UNSET
    item: ConversationItem


class ConversationItemCreatedEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.created"):
    """Beta: an item entered the conversation. One event where GA has `added` and `done`."""

    type: ClassVar[Literal["conversation.item.created"]] = "conversation.item.created"
    previous_item_id: Maybe[Id] = UNSET
    item: ConversationItem


class ConversationItemRetrievedEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.retrieved"):
    """The item that was asked for. The only event whose item holds audio."""

    type: ClassVar[Literal["conversation.item.retrieved"]] = "conversation.item.retrieved"
    item: ConversationItem


class ConversationItemTruncatedEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.truncated"):
    """An assistant's speech was cut; the server dropped its transcript."""

    type: ClassVar[Literal["conversation.item.truncated"]] = "conversation.item.truncated"
    item_id: Id
    content_index: int
    audio_end_ms: int


class ConversationItemDeletedEvent(ServerEvent, frozen=True, kw_only=True, tag="conversation.item.deleted"):
    """An item left the conversation."""

    type: ClassVar[Literal["conversation.item.deleted"]] = "conversation.item.deleted"
    item_id: Id


# --- server events: transcription of the user's speech --------------------------------------------------------------


class LogProb(WireObject, frozen=True, kw_only=True):
    """How likely the model found a token; `logprob` is a natural logarithm."""

    token: str
    logprob: Number
    bytes: Maybe[list[int]]


class TranscriptionLanguage(WireObject, frozen=True, kw_only=True):
    """A language that was heard."""

    code: str


class TranscriptionTokenUsageInputDetails(WireObject, frozen=True, kw_only=True):
    """Input tokens by modality."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET


class TranscriptionTokenUsage(Variant, frozen=True, kw_only=True, tag="tokens"):
    """What a transcription cost, counted in tokens."""

    type: ClassVar[Literal["tokens"]] = "tokens"
    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_token_details: Maybe[TranscriptionTokenUsageInputDetails] = UNSET


class TranscriptionDurationUsage(Variant, frozen=True, kw_only=True, tag="duration"):
    """What a transcription cost, counted in seconds of audio."""

    type: ClassVar[Literal["duration"]] = "duration"
    seconds: Number


class UnknownTranscriptionUsage(UnknownVariant, frozen=True, kw_only=True):
    """A cost that this version cannot count."""


TranscriptionUsage: TypeAlias = TranscriptionTokenUsage | TranscriptionDurationUsage | UnknownTranscriptionUsage


class TranscriptionError(WireObject, frozen=True, kw_only=True):
    """Why speech could not be transcribed."""

    type: Maybe[str] = UNSET
    code: Maybe[str] = UNSET
    message: Maybe[str] = UNSET
    param: Maybe[str] = UNSET


class InputAudioTranscriptionDeltaEvent(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """The next piece of what the user said."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.delta"]] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: Id
    content_index: Maybe[int] = UNSET
    delta: Maybe[str] = UNSET
    logprobs: Maybe[list[LogProb]] = UNSET
    obfuscation: Maybe[str] = UNSET
    """Random padding against traffic analysis; not in the published schema."""


class InputAudioTranscriptionCompletedEvent(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """All that the user said in one item. May come before, inside or after the response to it."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.completed"]] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: Id
    content_index: int
    transcript: str
    usage: TranscriptionUsage | None
    languages: Maybe[list[TranscriptionLanguage]] = UNSET
    logprobs: Maybe[list[LogProb]] = UNSET


class InputAudioTranscriptionFailedEvent(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """What the user said could not be transcribed; the session goes on."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.failed"]] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: Id
    content_index: int
    error: TranscriptionError


class InputAudioTranscriptionSegmentEvent(
    ServerEvent, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.segment"
):
    """Who said what, from models that tell speakers apart; `start` and `end` are seconds."""

    type: ClassVar[Literal["conversation.item.input_audio_transcription.segment"]] = (
        "conversation.item.input_audio_transcription.segment"
    )
    item_id: Id
    content_index: int
    id: Id
    speaker: str
    text: str
    start: Number
    end: Number
