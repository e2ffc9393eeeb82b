"""Conversation items and the parts of their content.

A part inside an item says `output_text` or `output_audio`; the same part inside `response.content_part.*` says
`text` or `audio`. Both spellings are alive in one response, so one union serves both places.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from duologue.events.base import UNSET, Id, Maybe, Opt, UnknownVariant, Variant
from duologue.events.tools import McpTool
from duologue.events.values import ImageDetail, ItemStatus, Role

__all__ = [
    "AudioPart",
    "ContentPart",
    "ConversationItem",
    "FunctionCallItem",
    "FunctionCallOutputItem",
    "InputAudioPart",
    "InputImagePart",
    "InputTextPart",
    "ItemReference",
    "McpApprovalRequestItem",
    "McpApprovalResponseItem",
    "McpCallError",
    "McpCallItem",
    "McpHttpError",
    "McpListToolsItem",
    "McpProtocolError",
    "McpToolExecutionError",
    "MessageItem",
    "OutputAudioPart",
    "OutputTextPart",
    "TextPart",
    "UnknownItem",
    "UnknownMcpCallError",
    "UnknownPart",
]

_AUDIO: frozenset[str] = frozenset({"audio"})

# --- content parts --------------------------------------------------------------------------------------------------


class InputTextPart(Variant, frozen=True, kw_only=True, tag="input_text"):
    """Text of a user or a system message."""

    type: ClassVar[Literal["input_text"]] = "input_text"
    text: str


class InputAudioPart(Variant, frozen=True, kw_only=True, tag="input_audio"):
    """Speech of a user message. The transcript is null until there is one; audio comes only when retrieved."""

    type: ClassVar[Literal["input_audio"]] = "input_audio"
    audio_fields: ClassVar[frozenset[str]] = _AUDIO
    audio: Maybe[str] = UNSET
    transcript: Maybe[str] = UNSET


class InputImagePart(Variant, frozen=True, kw_only=True, tag="input_image"):
    """A picture of a user message, as a `data:` URI."""

    type: ClassVar[Literal["input_image"]] = "input_image"
    image_url: str
    detail: Maybe[ImageDetail] = UNSET


class OutputTextPart(Variant, frozen=True, kw_only=True, tag="output_text"):
    """Text of an assistant message."""

    type: ClassVar[Literal["output_text"]] = "output_text"
    text: str


class OutputAudioPart(Variant, frozen=True, kw_only=True, tag="output_audio"):
    """Speech of an assistant message; audio comes only when retrieved."""

    type: ClassVar[Literal["output_audio"]] = "output_audio"
    audio_fields: ClassVar[frozenset[str]] = _AUDIO
    audio: Maybe[str] = UNSET
    transcript: Maybe[str] = UNSET


class TextPart(Variant, frozen=True, kw_only=True, tag="text"):
    """Text as `response.content_part.*` spells it, and as beta items did."""

    type: ClassVar[Literal["text"]] = "text"
    text: str


class AudioPart(Variant, frozen=True, kw_only=True, tag="audio"):
    """Speech as `response.content_part.*` spells it, and as beta items did."""

    type: ClassVar[Literal["audio"]] = "audio"
    audio_fields: ClassVar[frozenset[str]] = _AUDIO
    audio: Maybe[str] = UNSET
    transcript: Maybe[str] = UNSET


class UnknownPart(UnknownVariant, frozen=True, kw_only=True):
    """A kind of content that this version does not know."""


ContentPart: TypeAlias = (
    InputTextPart
    | InputAudioPart
    | InputImagePart
    | OutputTextPart
    | OutputAudioPart
    | TextPart
    | AudioPart
    | UnknownPart
)
"""A part of a message: text, audio or an image."""

# --- items ----------------------------------------------------------------------------------------------------------


class MessageItem(Variant, frozen=True, kw_only=True, tag="message"):
    """What the system, the user or the assistant said.

    One class for the three roles: the wire has the role in a field of its own, and some servers
    put parts of one role into messages of another.
    """

    type: ClassVar[Literal["message"]] = "message"
    id: Maybe[Id] = UNSET
    object: Maybe[str] = UNSET
    role: Role
    content: list[ContentPart]
    status: Maybe[ItemStatus] = UNSET
    phase: Maybe[str] = UNSET
    """Not in the published schema; newer models send "commentary" or "final_answer"."""

    @property
    def text(self) -> str:
        """The text and the transcripts of all parts, joined by spaces."""
        words = (getattr(part, name, None) for part in self.content for name in ("text", "transcript"))
        return " ".join(word for word in words if isinstance(word, str) and word)


class FunctionCallItem(Variant, frozen=True, kw_only=True, tag="function_call"):
    """The model calls one of the session's functions; `arguments` is JSON text."""

    type: ClassVar[Literal["function_call"]] = "function_call"
    id: Maybe[Id] = UNSET
    object: Maybe[str] = UNSET
    name: str
    call_id: Maybe[Id] = UNSET
    arguments: str
    status: Maybe[ItemStatus] = UNSET
    phase: Maybe[str] = UNSET


class FunctionCallOutputItem(Variant, frozen=True, kw_only=True, tag="function_call_output"):
    """The client's answer to a function call."""

    type: ClassVar[Literal["function_call_output"]] = "function_call_output"
    id: Maybe[Id] = UNSET
    object: Maybe[str] = UNSET
    call_id: Id
    output: str
    status: Maybe[ItemStatus] = UNSET


class McpListToolsItem(Variant, frozen=True, kw_only=True, tag="mcp_list_tools"):
    """The tools of an MCP server, once they are listed."""

    type: ClassVar[Literal["mcp_list_tools"]] = "mcp_list_tools"
    id: Maybe[Id] = UNSET
    server_label: str
    tools: list[McpTool]


class McpProtocolError(Variant, frozen=True, kw_only=True, tag="protocol_error"):
    """An MCP call failed: the MCP server answered with a protocol error."""

    type: ClassVar[Literal["protocol_error"]] = "protocol_error"
    code: int
    message: str


class McpToolExecutionError(Variant, frozen=True, kw_only=True, tag="tool_execution_error"):
    """An MCP call failed: the tool itself did."""

    type: ClassVar[Literal["tool_execution_error"]] = "tool_execution_error"
    message: str


class McpHttpError(Variant, frozen=True, kw_only=True, tag="http_error"):
    """An MCP call failed: the MCP server could not be reached over HTTP."""

    type: ClassVar[Literal["http_error"]] = "http_error"
    code: int
    message: str


class UnknownMcpCallError(UnknownVariant, frozen=True, kw_only=True):
    """A failure of an MCP call that this version does not know."""


McpCallError: TypeAlias = McpProtocolError | McpToolExecutionError | McpHttpError | UnknownMcpCallError


class McpCallItem(Variant, frozen=True, kw_only=True, tag="mcp_call"):
    """The realtime server called a tool of an MCP server."""

    type: ClassVar[Literal["mcp_call"]] = "mcp_call"
    id: Id
    server_label: str
    name: str
    arguments: str
    approval_request_id: Maybe[Id] = UNSET
    output: Maybe[str] = UNSET
    error: Maybe[McpCallError] = UNSET


class McpApprovalRequestItem(Variant, frozen=True, kw_only=True, tag="mcp_approval_request"):
    """The user must allow a call before it is made."""

    type: ClassVar[Literal["mcp_approval_request"]] = "mcp_approval_request"
    id: Id
    server_label: str
    name: str
    arguments: str


class McpApprovalResponseItem(Variant, frozen=True, kw_only=True, tag="mcp_approval_response"):
    """The user's answer to an approval request."""

    type: ClassVar[Literal["mcp_approval_response"]] = "mcp_approval_response"
    id: Maybe[Id] = UNSET
    approval_request_id: Id
    approve: bool
    reason: Maybe[str] = UNSET


class ItemReference(Variant, frozen=True, kw_only=True, tag="item_reference"):
    """Stands for an item of the conversation in the `input` of a response."""

    type: ClassVar[Literal["item_reference"]] = "item_reference"
    id: Id


class UnknownItem(UnknownVariant, frozen=True, kw_only=True):
    """A kind of item that this version does not know."""

    may_be_untagged: ClassVar[bool] = False

    @property
    def id(self) -> Opt[Id]:
        """The item's id; absent where it is not a string."""
        identifier = self.json.get("id", UNSET)
        return identifier if isinstance(identifier, str) else UNSET


ConversationItem: TypeAlias = (
    MessageItem
    | FunctionCallItem
    | FunctionCallOutputItem
    | McpListToolsItem
    | McpCallItem
    | McpApprovalRequestItem
    | McpApprovalResponseItem
    | UnknownItem
)
