"""What a Live session asks of the server's shell, which has the engines and the clock, as plain values."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events.live import LiveFunctionCall, LiveFunctionTool
from duologue.protocol.server.commands import Close, Detect
from duologue.protocol.states import IllegalTransition

__all__ = ["DELEGATE", "LiveCommand", "LiveMessage", "LiveReply", "StopReply", "TranscribeUtterance"]

DELEGATE: Final = LiveFunctionTool(
    name="delegate",
    description=(
        "Hand the user's last request to the application. Call this for anything that you do not know for certain, and "
        "for anything that has to be looked up or done. The application hears the conversation, and answers later."
    ),
    parameters={"type": "object", "properties": {}},
)
"""The function that a session with `client` delegation offers to the responder. A call of it is a delegation."""


class TranscribeUtterance(Struct, frozen=True, kw_only=True):
    """Transcribe what the user said; report with `LiveServerProtocol.transcript` or `transcription_failed`."""

    utterance_id: str
    audio: bytes
    encoding: Encoding


class LiveMessage(Struct, frozen=True, kw_only=True):
    """A message of the conversation as a responder reads it. An output stands directly behind the calls."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[LiveFunctionCall, ...] = ()
    """Of an assistant's message."""
    call_id: str | None = None
    """Of an output, whose role is "tool": the call that it answers."""


class LiveReply(Struct, frozen=True, kw_only=True):
    """Generate what the voice says next, and speak it.

    Report with `reply_text`, `reply_clause`, `reply_audio` and `reply_call`, and at last `reply_finished` or
    `reply_failed`.
    """

    reply_id: str
    messages: tuple[LiveMessage, ...]
    instructions: str
    model: str
    """The Live model that the client asked for."""
    backend_model: str | None
    """The text model of a `responses` delegation."""
    voice: str
    """A name, or the id of one's own voice."""
    encoding: Encoding
    """Of the speech."""
    functions: tuple[LiveFunctionTool, ...] = ()
    function_choice: str = "auto"
    """"auto", "none", "required", or the name of the one function to call."""
    max_output_tokens: int | None = None
    turn: int = 0
    """Number of replies before this one."""
    text: str | None = None
    """What to say word for word, without asking the responder; None: the responder answers."""
    returned: frozenset[str] = frozenset()
    """Ids of the calls whose outputs have come since the assistant last spoke."""


class StopReply(Struct, frozen=True):
    """Stop all work on a reply: the user talks over it. Reports about it that still come are ignored."""

    reply_id: str


LiveCommand: TypeAlias = Detect | TranscribeUtterance | LiveReply | StopReply | Close | IllegalTransition
"""`Detect` is reported with `detected`, in order. `Close` is for the primary connection and every sideband, after the
events before it."""
