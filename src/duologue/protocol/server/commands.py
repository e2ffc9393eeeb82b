"""What the server protocol asks of its shell, which has the engines and the clock, as plain values."""

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
    """Detect speech in the next piece of input audio; report with `ServerProtocol.detected`, in order."""

    audio: bytes
    encoding: Encoding
    noise_reduction: str | None = None
    """"near_field" or "far_field": the microphone for which to reduce noise."""


class TranscribePartial(Struct, frozen=True):
    """A turn has begun: transcribe it while it grows, at the shell's own pace.

    `ServerProtocol.speech_so_far` has its audio until the turn ends. Report each whole transcript with
    `partial_transcript`.
    """

    item_id: str


class TranscribeAhead(Struct, frozen=True):
    """The turn may be over: start to transcribe `ServerProtocol.speech_so_far`, which `Transcribe` asks for if it is.

    If `detect_end_of_turn`, report with `end_of_turn_estimated` how probably those words are a complete turn.
    """

    item_id: str
    detect_end_of_turn: bool


class DiscardAhead(Struct, frozen=True):
    """The turn goes on, or was dropped: discard the speculative transcript of `TranscribeAhead`."""

    item_id: str
    gone: bool = False
    """No `Transcribe` will follow for the speech so far."""


class Transcribe(Struct, frozen=True):
    """Transcribe an item's speech; report with `transcript_delta`, then `transcribed` or `transcription_failed`."""

    item_id: str
    audio: bytes
    encoding: Encoding
    language: str | None
    prompt: str | None
    noise_reduction: str | None = None


class Respond(Struct, frozen=True, kw_only=True):
    """Generate a response; report with `response_text`, `response_audio`, `response_call`, and at last
    `response_finished` or `response_failed`."""

    response_id: str
    context: tuple[ConversationItem, ...]
    instructions: str
    model: str
    max_output_tokens: int | None
    speak: bool
    """False: text only."""
    encoding: Encoding
    voice: str
    speed: float
    turn: int
    """Number of responses that this session had before."""
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: str = "auto"
    """"auto", "none", "required", or the name of the one function to call."""
    silent_ms: int | None = None
    """How long the user has been silent, if the response is to prompt them; None: there is something to answer."""
    text: str | None = None
    """What to say word for word, without asking the responder; None: the responder answers."""
    approved: tuple[str, ...] = ()
    """Ids of the approval requests that the user has granted. If there are any, do not ask the responder: report
    `response_approved` for each in turn, then `response_finished`."""


class ListMcpTools(Struct, frozen=True):
    """Ask an MCP server for its tools; report with `mcp_listed` or `mcp_listing_failed`."""

    item_id: str
    server: McpServerTool


class McpCall(Struct, frozen=True):
    """Call a tool of an MCP server. Returned by `response_call` and `response_approved`, and not a `Command`: report
    with `mcp_called` or `mcp_call_failed` before anything else of that response."""

    response_id: str
    item_id: str
    server: McpServerTool
    name: str
    arguments: str
    """A JSON object as text; the model may have made it invalid."""


class StopResponse(Struct, frozen=True):
    """Stop all work on a response; the client already has its `response.done`."""

    response_id: str


class Close(Struct, frozen=True):
    """Close the connection after the queued events."""

    code: int
    reason: str


class ToleratedFault(Struct, frozen=True):
    """Log that a lenient session accepted what a strict one rejects. Does not hold the value."""

    event_type: str
    param: str
    """Path of the fault in the event."""
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
"""Everything that the protocol asks of the shell."""
