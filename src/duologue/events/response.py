"""Responses: the commands that start and stop them, their streams, their end, and what they cost."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from duologue.events.audio import AudioFormat, Voice
from duologue.events.base import UNSET, ClientEvent, Id, Maybe, Number, ServerEvent, WireObject, decode_audio, is_set
from duologue.events.items import ContentPart, ConversationItem, ItemReference, MessageItem
from duologue.events.session import Prompt, Reasoning
from duologue.events.tools import Tool, ToolChoice
from duologue.events.values import Modality, RateLimitName, ResponseStatus, ResponseStatusReason

__all__ = [
    "CachedTokensDetails",
    "InputItem",
    "Metadata",
    "RateLimit",
    "RateLimitsUpdatedEvent",
    "RealtimeResponse",
    "ResponseAudio",
    "ResponseAudioDeltaEvent",
    "ResponseAudioDoneEvent",
    "ResponseAudioOutput",
    "ResponseAudioTranscriptDeltaEvent",
    "ResponseAudioTranscriptDoneEvent",
    "ResponseCancelEvent",
    "ResponseContentPartAddedEvent",
    "ResponseContentPartDoneEvent",
    "ResponseCreateEvent",
    "ResponseCreateParams",
    "ResponseCreatedEvent",
    "ResponseDoneEvent",
    "ResponseFunctionCallArgumentsDeltaEvent",
    "ResponseFunctionCallArgumentsDoneEvent",
    "ResponseMcpCallArgumentsDeltaEvent",
    "ResponseMcpCallArgumentsDoneEvent",
    "ResponseMcpCallCompletedEvent",
    "ResponseMcpCallFailedEvent",
    "ResponseMcpCallInProgressEvent",
    "ResponseOutputItemAddedEvent",
    "ResponseOutputItemDoneEvent",
    "ResponseStatusDetails",
    "ResponseStatusError",
    "ResponseTextDeltaEvent",
    "ResponseTextDoneEvent",
    "ResponseUsage",
    "ResponseUsageInputTokenDetails",
    "ResponseUsageOutputTokenDetails",
]

Metadata: TypeAlias = dict[str, str]
InputItem: TypeAlias = ConversationItem | ItemReference
"""What a response may have as its input: an item, or a reference to one of the conversation."""

# --- the response ---------------------------------------------------------------------------------------------------


class ResponseAudioOutput(WireObject, frozen=True, kw_only=True):
    """How a response sounds."""

    format: Maybe[AudioFormat] = UNSET
    voice: Maybe[Voice] = UNSET


class ResponseAudio(WireObject, frozen=True, kw_only=True):
    """Audio of a response: it has an output only."""

    output: Maybe[ResponseAudioOutput] = UNSET


class ResponseStatusError(WireObject, frozen=True, kw_only=True):
    """Why a response failed."""

    type: Maybe[str] = UNSET
    code: Maybe[str] = UNSET
    message: Maybe[str] = UNSET


class ResponseStatusDetails(WireObject, frozen=True, kw_only=True):
    """Why a response ended otherwise than completed."""

    type: Maybe[ResponseStatus] = UNSET
    reason: Maybe[ResponseStatusReason] = UNSET
    error: Maybe[ResponseStatusError] = UNSET


class CachedTokensDetails(WireObject, frozen=True, kw_only=True):
    """Cached input tokens by modality."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET
    image_tokens: Maybe[int] = UNSET


class ResponseUsageInputTokenDetails(WireObject, frozen=True, kw_only=True):
    """Input tokens by modality; `cached_tokens` are part of the others."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET
    image_tokens: Maybe[int] = UNSET
    cached_tokens: Maybe[int] = UNSET
    cached_tokens_details: Maybe[CachedTokensDetails] = UNSET


class ResponseUsageOutputTokenDetails(WireObject, frozen=True, kw_only=True):
    """Output tokens by modality."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET
    reasoning_tokens: Maybe[int] = UNSET
    """Not in the published schema; reasoning models send it."""


class ResponseUsage(WireObject, frozen=True, kw_only=True):
    """What a response cost, in tokens."""

    total_tokens: Maybe[int] = UNSET
    input_tokens: Maybe[int] = UNSET
    output_tokens: Maybe[int] = UNSET
    input_token_details: Maybe[ResponseUsageInputTokenDetails] = UNSET
    output_token_details: Maybe[ResponseUsageOutputTokenDetails] = UNSET


class RealtimeResponse(WireObject, frozen=True, kw_only=True):
    """A response: empty and in progress when created, complete but for its audio when done."""

    object: Maybe[str] = UNSET
    id: Maybe[Id] = UNSET
    status: Maybe[ResponseStatus] = UNSET
    status_details: Maybe[ResponseStatusDetails] = UNSET
    output: Maybe[list[ConversationItem]] = UNSET
    conversation_id: Maybe[Id] = UNSET
    output_modalities: Maybe[list[Modality]] = UNSET
    max_output_tokens: Maybe[int | str] = UNSET
    audio: Maybe[ResponseAudio] = UNSET
    usage: Maybe[ResponseUsage] = UNSET
    metadata: Maybe[Metadata] = UNSET

    @property
    def text(self) -> str:
        """The text and the transcripts of its messages, joined by spaces; empty while there are none."""
        output = self.output if is_set(self.output) else []
        return " ".join(item.text for item in output if isinstance(item, MessageItem) and item.text)


# --- client events --------------------------------------------------------------------------------------------------


class ResponseCreateParams(WireObject, frozen=True, kw_only=True):
    """Settings of one response; absent fields are the session's.

    With `conversation` "none" the response stays out of the conversation and may run while another one does. `input`
    replaces the conversation as context; an empty list means no context.
    """

    conversation: Maybe[str] = UNSET
    input: Maybe[list[InputItem]] = UNSET
    instructions: Maybe[str] = UNSET
    output_modalities: Maybe[list[Modality]] = UNSET
    audio: Maybe[ResponseAudio] = UNSET
    max_output_tokens: Maybe[int | str] = UNSET
    tools: Maybe[list[Tool]] = UNSET
    tool_choice: Maybe[ToolChoice] = UNSET
    parallel_tool_calls: Maybe[bool] = UNSET
    prompt: Maybe[Prompt] = UNSET
    reasoning: Maybe[Reasoning] = UNSET
    metadata: Maybe[Metadata] = UNSET


class ResponseCreateEvent(ClientEvent, frozen=True, kw_only=True, tag="response.create"):
    """Asks the model to respond."""

    type: ClassVar[Literal["response.create"]] = "response.create"
    response: Maybe[ResponseCreateParams] = UNSET


class ResponseCancelEvent(ClientEvent, frozen=True, kw_only=True, tag="response.cancel"):
    """Stops a response: the one in progress in the conversation, or the one named."""

    type: ClassVar[Literal["response.cancel"]] = "response.cancel"
    response_id: Maybe[Id] = UNSET


# --- server events: beginning and end -------------------------------------------------------------------------------


class ResponseCreatedEvent(ServerEvent, frozen=True, kw_only=True, tag="response.created"):
    """A response began."""

    type: ClassVar[Literal["response.created"]] = "response.created"
    response: RealtimeResponse


class ResponseDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="response.done"):
    """A response ended, however it did. Comes exactly once, and long before its audio has been played."""

    type: ClassVar[Literal["response.done"]] = "response.done"
    response: RealtimeResponse


class RateLimit(WireObject, frozen=True, kw_only=True):
    """What is left of one allowance."""

    name: Maybe[RateLimitName] = UNSET
    limit: Maybe[int] = UNSET
    remaining: Maybe[int] = UNSET
    reset_seconds: Maybe[Number] = UNSET


class RateLimitsUpdatedEvent(ServerEvent, frozen=True, kw_only=True, tag="rate_limits.updated"):
    """What is left of the allowances. Comes anywhere, any number of times, or never."""

    type: ClassVar[Literal["rate_limits.updated"]] = "rate_limits.updated"
    rate_limits: list[RateLimit]


# --- server events: items and parts ---------------------------------------------------------------------------------


class ResponseOutputItemAddedEvent(ServerEvent, frozen=True, kw_only=True, tag="response.output_item.added"):
    """The response began an item."""

    type: ClassVar[Literal["response.output_item.added"]] = "response.output_item.added"
    response_id: Id
    output_index: int
    item: ConversationItem


class ResponseOutputItemDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="response.output_item.done"):
    """The response finished an item."""

    type: ClassVar[Literal["response.output_item.done"]] = "response.output_item.done"
    response_id: Id
    output_index: int
    item: ConversationItem


class ResponseContentPartAddedEvent(ServerEvent, frozen=True, kw_only=True, tag="response.content_part.added"):
    """An item began a content part."""

    type: ClassVar[Literal["response.content_part.added"]] = "response.content_part.added"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    part: ContentPart
    content: Maybe[ContentPart] = UNSET
    """The part once more, as Azure sends it; not in the published schema."""


class ResponseContentPartDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="response.content_part.done"):
    """An item finished a content part."""

    type: ClassVar[Literal["response.content_part.done"]] = "response.content_part.done"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    part: ContentPart
    content: Maybe[ContentPart] = UNSET
    """The part once more, as Azure sends it; not in the published schema."""


# --- server events: streams -----------------------------------------------------------------------------------------


class ResponseTextDeltaEvent(ServerEvent, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """The next piece of a text answer."""

    type: ClassVar[Literal["response.output_text.delta"]] = "response.output_text.delta"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    delta: str
    obfuscation: Maybe[str] = UNSET
    """Random padding against traffic analysis; not in the published schema."""


class ResponseTextDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="response.output_text.done"):
    """A text answer in full."""

    type: ClassVar[Literal["response.output_text.done"]] = "response.output_text.done"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    text: str


class ResponseAudioDeltaEvent(ServerEvent, frozen=True, kw_only=True, tag="response.output_audio.delta"):
    """The next piece of speech, base64, in the session's output format. Comes faster than it plays."""

    type: ClassVar[Literal["response.output_audio.delta"]] = "response.output_audio.delta"
    audio_fields: ClassVar[frozenset[str]] = frozenset({"delta"})
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    delta: str

    def decode_audio(self) -> bytes:
        """The speech's bytes. Raises ValueError if the field is not base64."""
        return decode_audio(self.delta)


class ResponseAudioDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """The last piece of speech has been sent. No event carries the whole of it."""

    type: ClassVar[Literal["response.output_audio.done"]] = "response.output_audio.done"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int


class ResponseAudioTranscriptDeltaEvent(
    ServerEvent, frozen=True, kw_only=True, tag="response.output_audio_transcript.delta"
):
    """The next piece of what the speech says."""

    type: ClassVar[Literal["response.output_audio_transcript.delta"]] = "response.output_audio_transcript.delta"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    delta: str
    obfuscation: Maybe[str] = UNSET
    """Random padding against traffic analysis; not in the published schema."""


class ResponseAudioTranscriptDoneEvent(
    ServerEvent, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"
):
    """What the speech says, in full."""

    type: ClassVar[Literal["response.output_audio_transcript.done"]] = "response.output_audio_transcript.done"
    response_id: Id
    item_id: Id
    output_index: int
    content_index: int
    transcript: str


class ResponseFunctionCallArgumentsDeltaEvent(
    ServerEvent, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"
):
    """The next piece of a function call's arguments, as JSON text."""

    type: ClassVar[Literal["response.function_call_arguments.delta"]] = "response.function_call_arguments.delta"
    response_id: Id
    item_id: Id
    output_index: int
    call_id: Id
    delta: str
    obfuscation: Maybe[str] = UNSET
    """Random padding against traffic analysis; not in the published schema."""


class ResponseFunctionCallArgumentsDoneEvent(
    ServerEvent, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    """A function call's arguments in full. Answer after `response.done`; the server never goes on by itself."""

    type: ClassVar[Literal["response.function_call_arguments.done"]] = "response.function_call_arguments.done"
    response_id: Id
    item_id: Id
    output_index: int
    call_id: Id
    name: str
    arguments: str


# --- server events: calls of MCP tools ------------------------------------------------------------------------------


class ResponseMcpCallArgumentsDeltaEvent(
    ServerEvent, frozen=True, kw_only=True, tag="response.mcp_call_arguments.delta"
):
    """The next piece of an MCP call's arguments, as JSON text."""

    type: ClassVar[Literal["response.mcp_call_arguments.delta"]] = "response.mcp_call_arguments.delta"
    response_id: Id
    item_id: Id
    output_index: int
    delta: str
    obfuscation: Maybe[str] = UNSET


class ResponseMcpCallArgumentsDoneEvent(ServerEvent, frozen=True, kw_only=True, tag="response.mcp_call_arguments.done"):
    """An MCP call's arguments in full."""

    type: ClassVar[Literal["response.mcp_call_arguments.done"]] = "response.mcp_call_arguments.done"
    response_id: Id
    item_id: Id
    output_index: int
    arguments: str


class ResponseMcpCallInProgressEvent(ServerEvent, frozen=True, kw_only=True, tag="response.mcp_call.in_progress"):
    """The server is calling an MCP tool."""

    type: ClassVar[Literal["response.mcp_call.in_progress"]] = "response.mcp_call.in_progress"
    item_id: Id
    output_index: int


class ResponseMcpCallCompletedEvent(ServerEvent, frozen=True, kw_only=True, tag="response.mcp_call.completed"):
    """An MCP tool answered."""

    type: ClassVar[Literal["response.mcp_call.completed"]] = "response.mcp_call.completed"
    item_id: Id
    output_index: int


class ResponseMcpCallFailedEvent(ServerEvent, frozen=True, kw_only=True, tag="response.mcp_call.failed"):
    """An MCP tool could not be called, or failed."""

    type: ClassVar[Literal["response.mcp_call.failed"]] = "response.mcp_call.failed"
    item_id: Id
    output_index: int
