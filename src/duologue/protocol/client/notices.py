"""What the client's core reports to its application: small immutable values, in the order of the events."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events import (
    AnySession,
    ClientEvent,
    ErrorEvent,
    RealtimeEvent,
    ResponseDoneEvent,
    SessionUpdateEvent,
)
from duologue.protocol.client.error_kinds import ErrorKind
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.playback import Interruption
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.protocol.client.responses.requests import Resolution
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.usage import UsageSnapshot
from duologue.protocol.states import IllegalTransition

__all__ = [
    "AudioDelta",
    "AudioDone",
    "AudioNotCommitted",
    "CallsAnswered",
    "ConnectionLost",
    "ErrorReported",
    "IllegalTransition",
    "Interrupted",
    "ItemAdded",
    "ItemDeleted",
    "ItemDone",
    "Notice",
    "RecordingStopped",
    "RequestEnded",
    "ResponseFinished",
    "ResponseStarted",
    "RunTool",
    "SessionChanged",
    "SessionUpdateEnded",
    "SpeechStarted",
    "SpeechStopped",
    "StopTool",
    "TextDelta",
    "Unreadable",
    "UsageChanged",
    "UserTranscript",
    "UserTranscriptDelta",
    "UserTranscriptFailed",
]


class SessionChanged(Struct, frozen=True):
    """The session as the server last sent it; the first one opens the session."""

    session: AnySession
    """With the defaults that the server filled in."""


class SessionUpdateEnded(Struct, frozen=True, kw_only=True):
    """The server has taken a `session.update`, or refused it with an `error`, which changed nothing.

    With a `reason` it did neither before the connection was lost: the next session is sent it again.
    """

    event: SessionUpdateEvent
    """What was sent."""
    error: ErrorEvent | None = None
    reason: str = ""


class SpeechStarted(Struct, frozen=True, kw_only=True):
    """The user began to speak. The position counts from the start of the session's input audio."""

    item_id: str
    """The item of the conversation."""
    """The item that the user's speech becomes; it is not in the conversation yet."""
    audio_start_ms: int
    """In milliseconds, with the padding that the server puts before speech."""


class SpeechStopped(Struct, frozen=True, kw_only=True):
    """The user stopped speaking."""

    item_id: str
    """The item of the conversation."""
    """The item that the user's speech becomes."""
    audio_end_ms: int
    """In milliseconds from the start of the session's input audio."""


class UserTranscriptDelta(Struct, frozen=True, kw_only=True):
    """The next piece of what the user said."""

    item_id: str
    """The item of the conversation."""
    delta: str
    """Text to be put behind the pieces before; it brings its own spaces."""


class UserTranscript(Struct, frozen=True, kw_only=True):
    """All that the user said in an item; arrives before, during or after the answer to it."""

    item_id: str
    """The item of the conversation."""
    transcript: str
    """The whole text; empty where nothing was understood."""


class UserTranscriptFailed(Struct, frozen=True, kw_only=True):
    """The user's speech in an item could not be transcribed."""

    item_id: str
    """The item of the conversation."""
    message: str
    """The server's words."""


class TextDelta(Struct, frozen=True, kw_only=True):
    """The next piece of the model's text, or of the transcript of its speech if it is `spoken`."""

    response_id: str
    """The response that it belongs to."""
    item_id: str
    """The item of the conversation."""
    content_index: int
    """Which part of the item, from 0."""
    delta: str
    """Text to be put behind the pieces before; it brings its own spaces."""
    spoken: bool


class AudioDelta(Struct, frozen=True, kw_only=True):
    """The next piece of the model's speech, to be played. There is none for speech that is already cut off."""

    response_id: str
    """The response that it belongs to."""
    item_id: str
    """The item of the conversation."""
    content_index: int
    """Which part of the item, from 0."""
    audio: bytes
    """Samples in `encoding`, mono: for PCM16 two bytes each, little-endian."""
    encoding: Encoding
    """Format and rate: by default PCM16 at 24,000 Hz."""

    def __repr__(self) -> str:
        return f"AudioDelta(item_id={self.item_id!r}, audio=<{len(self.audio)} bytes of {self.encoding.type}>)"


class AudioDone(Struct, frozen=True, kw_only=True):
    """All of a part's speech has arrived."""

    item_id: str
    """The item of the conversation."""
    content_index: int
    """Which part of the item, from 0."""


class AudioNotCommitted(Struct, frozen=True):
    """A response was asked for that does not hear this much appended audio: turn detection is off, and it is not
    committed."""

    audio_ms: int
    """In milliseconds."""


class Interrupted(Struct, frozen=True):
    """Stop the player and drop its buffer. The core sends the truncate, if there is one."""

    interruption: Interruption
    """The part that was cut, how much of it was heard, and what the server is told of it."""


class ItemAdded(Struct, frozen=True):
    """An item was added to the conversation."""

    item: StoredItem
    """Its words may still be on the way."""


class ItemDone(Struct, frozen=True):
    """An item is final."""

    item: StoredItem
    """With all its words, and its audio where that is kept."""


class ItemDeleted(Struct, frozen=True):
    """An item was deleted from the conversation."""

    item_id: str
    """The item of the conversation."""


class ResponseStarted(Struct, frozen=True, kw_only=True):
    """A response was created; `in_conversation` is false for one out of band."""

    response_id: str
    """The response that it belongs to."""
    in_conversation: bool


class ResponseFinished(Struct, frozen=True):
    """A response ended, with any status, requested by this client or not. Its audio may still be playing.

    Its output has all that was told of it, also where the event itself leaves it out. With the status "unknown" it is
    the client that ends it, because the server has told nothing more of it for too long (`CoreOptions.silence`); if the
    server tells the end later, another notice has that.
    """

    event: ResponseDoneEvent
    """Status, output and usage."""


class RequestEnded(Struct, frozen=True):
    """A request for a response ended: the result of `ConversationCore.respond`.

    `calls_follow` says that the response has calls that this side answers: `CallsAnswered` follows.
    """

    resolution: Resolution
    """The request, and how it ended."""
    calls_follow: bool = False


class CallsAnswered(Struct, frozen=True, kw_only=True):
    """All calls of a response have their outputs, or were given up."""

    response_id: str
    """The response that it belongs to."""
    continued_by: str | None
    """The request that asks the model to go on, whose `RequestEnded` follows; None if it is not asked."""


class RunTool(Struct, frozen=True):
    """Run a function, and report with `tool_answered` or `tool_failed`."""

    call: ToolCall
    """The function's name, its arguments as JSON text, and the ids."""


class StopTool(Struct, frozen=True):
    """Stop a function that runs; its output is no longer needed."""

    call_id: str
    """Of the call whose function runs."""


class UsageChanged(Struct, frozen=True):
    """What the session has cost so far."""

    usage: UsageSnapshot
    """Tokens, added up over all responses and transcriptions."""


class ErrorReported(Struct, frozen=True, kw_only=True):
    """An `error`: its kind, and the client's command that it answers, if that is known."""

    event: ErrorEvent
    """As the server sent it."""
    kind: ErrorKind
    """What it means for the session, from the table of known codes."""
    command: ClientEvent | None
    """None if the server does not say which, or it is no longer known."""


class Unreadable(Struct, frozen=True, kw_only=True):
    """An event of an unknown type, or one that is malformed. The session goes on without it."""

    event: RealtimeEvent
    """With its fields as they came."""
    problem: str
    """What is wrong with it, in a sentence."""


class RecordingStopped(Struct, frozen=True, kw_only=True):
    """The recording of the conversation ends here, because it cannot be written on; the conversation goes on."""

    path: str
    """The file, or a description of what was written to."""
    reason: str
    """The operating system's words."""


class ConnectionLost(Struct, frozen=True):
    """The connection is lost; every request has ended. `SessionRestored` follows if there is another connection."""

    reason: str
    """In a sentence."""


Notice: TypeAlias = (
    SessionChanged
    | SessionUpdateEnded
    | SpeechStarted
    | SpeechStopped
    | UserTranscriptDelta
    | UserTranscript
    | UserTranscriptFailed
    | TextDelta
    | AudioDelta
    | AudioDone
    | AudioNotCommitted
    | Interrupted
    | ItemAdded
    | ItemDone
    | ItemDeleted
    | ResponseStarted
    | ResponseFinished
    | RequestEnded
    | CallsAnswered
    | RunTool
    | StopTool
    | UsageChanged
    | ErrorReported
    | Unreadable
    | RecordingStopped
    | ConnectionLost
    | SessionRestored
    | IllegalTransition
)
"""Every notice of a conversation."""
