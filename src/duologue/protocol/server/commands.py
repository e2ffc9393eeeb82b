"""What the server protocol wants done: plain values for the shell, which has the engines and the clock."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import ConversationItem, FunctionTool, McpServerTool
from duologue.protocol.states import IllegalTransition

__all__ = [
    "Close",
    "Command",
    "Detect",
    "DiscardAhead",
    "IllegalTransition",
    "ListMcpTools",
    "McpCall",
    "Respond",
    "StopResponse",
    "ToleratedFault",
    "Transcribe",
    "TranscribeAhead",
    "TranscribePartial",
]


class Detect(Struct, frozen=True):
    """Look for speech in the next piece of input audio; report with `ServerProtocol.heard`, in order."""

    audio: bytes
    encoding: Encoding
    noise_reduction: str | None = None
    """"near_field" or "far_field": what to clean the audio for."""


class TranscribePartial(Struct, frozen=True):
    """A turn has begun: transcribe it while it grows, at a pace of your own, until `ServerProtocol.spoken` has no more;
    report each whole guess with `transcript_guess`."""

    item_id: str


class TranscribeAhead(Struct, frozen=True):
    """The turn may be over: begin with the transcript of what `ServerProtocol.spoken` has, for `Transcribe` will ask
    for it if so. If `judge`, report with `judged` whether those words are a complete turn."""

    item_id: str
    judge: bool


class DiscardAhead(Struct, frozen=True):
    """The turn goes on, or is gone: what `TranscribeAhead` has come to is no transcript of it."""

    item_id: str
    gone: bool = False
    """No `Transcribe` will come for what was said so far."""


class Transcribe(Struct, frozen=True):
    """Transcribe an item's speech; report with `transcript_delta`, then `transcribed` or `transcription_failed`."""

    item_id: str
    audio: bytes
    encoding: Encoding
    language: str | None
    prompt: str | None
    noise_reduction: str | None = None


class Respond(Struct, frozen=True, kw_only=True):
    """Make a response; report with `response_text`, `response_audio`, `response_call`, then `response_finished` or
    `response_failed`."""

    response_id: str
    context: tuple[ConversationItem, ...]
    instructions: str
    model: str
    max_output_tokens: int | None
    speak: bool
    """False: text alone is wanted."""
    encoding: Encoding
    voice: str
    speed: float
    turn: int
    """Responses that this session has had before."""
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: str = "auto"
    """"auto", "none", "required", or the name of the one function to call."""
    silent_ms: int | None = None
    """The user has said nothing for so long, and is to be prompted; None: there is something to answer."""
    approved: tuple[str, ...] = ()
    """Do not ask the responder: the user has allowed these calls. Report `response_approved` for each in turn, then
    `response_finished`."""


class ListMcpTools(Struct, frozen=True):
    """Ask an MCP server for its tools; report with `mcp_listed` or `mcp_listing_failed`."""

    item_id: str
    server: McpServerTool


class McpCall(Struct, frozen=True):
    """Call a tool of an MCP server. No command, but what `response_call` and `response_approved` come to: report with
    `mcp_called` or `mcp_call_failed` before anything else of that response."""

    response_id: str
    item_id: str
    server: McpServerTool
    name: str
    arguments: str
    """A JSON object, as text; or what the model took for one."""


class StopResponse(Struct, frozen=True):
    """Drop all work on a response; its end has already been told to the client."""

    response_id: str


class Close(Struct, frozen=True):
    """Close the connection, after the events that are waiting."""

    code: int
    reason: str


class ToleratedFault(Struct, frozen=True):
    """Tell whoever runs the server: a lenient session took what a strict one refuses. Holds nothing of the value."""

    event_type: str
    param: str
    """Where it stood in the event."""
    value_type: str
    """Its JSON type."""


Command: TypeAlias = (
    Detect
    | TranscribePartial
    | TranscribeAhead
    | DiscardAhead
    | Transcribe
    | Respond
    | ListMcpTools
    | StopResponse
    | Close
    | ToleratedFault
    | IllegalTransition
)
