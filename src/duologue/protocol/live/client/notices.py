"""What the core of a Live session reports to its application: small immutable values, in the order of the events."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.events.live import (
    AnyLiveClientEvent,
    LiveContextWindow,
    LiveDecisionEvent,
    LiveDelegationRef,
    LiveErrorEvent,
    LiveEvent,
    LiveFunctionCall,
    LiveSession,
    LiveSessionUsage,
)
from duologue.protocol.states import IllegalTransition

__all__ = [
    "CommandEnded",
    "DecisionMade",
    "DelegationStarted",
    "FixtureEnded",
    "IllegalTransition",
    "InputAudioCopy",
    "LiveAudioPiece",
    "LiveErrorReported",
    "LiveNotice",
    "LiveUnreadable",
    "LiveUsage",
    "ResponsesEvent",
    "RunFunction",
    "SessionEnded",
    "SessionStarted",
    "SessionUpdated",
    "Speaker",
    "StopFunction",
    "TimeStalled",
    "TranscriptDelta",
    "Utterance",
    "UtteranceEnd",
    "UtteranceEnded",
]

Speaker: TypeAlias = Literal["user", "assistant"]

UtteranceEnd: TypeAlias = Literal["speaker_change", "inactivity", "timestamp_reset", "session_closed", "length"]


class SessionStarted(Struct, frozen=True):
    """The session runs, with these settings."""

    session: LiveSession


class SessionUpdated(Struct, frozen=True):
    """The settings changed."""

    session: LiveSession


class SessionEnded(Struct, frozen=True, kw_only=True):
    """The last notice. `finalised` is false for a session that was cut off: its cost is unknown, nothing is stored.

    `reason` is the server's (`close_requested`, `expired` …), or why the session was lost.
    """

    finalised: bool
    reason: str
    error: LiveErrorEvent | None = None
    """The `error` that refused the start, if one did."""
    usage: LiveSessionUsage | None = None
    """The last report; final if `finalised`."""


class LiveAudioPiece(Struct, frozen=True, kw_only=True):
    """The next piece of the model's sound, silence included. It belongs at `start_ms` of the session's time.

    `gap_ms` is how much time without sound lies between the piece before and this one.
    """

    audio: bytes
    encoding: Encoding
    start_ms: int
    gap_ms: int = 0

    def __repr__(self) -> str:
        return f"LiveAudioPiece(start_ms={self.start_ms}, audio=<{len(self.audio)} bytes of {self.encoding.type}>)"


class InputAudioCopy(Struct, frozen=True, kw_only=True):
    """The next piece of the user's sound, as a sideband gets it: before a mute, and in the order in which it came."""

    audio: bytes
    encoding: Encoding

    def __repr__(self) -> str:
        return f"InputAudioCopy(audio=<{len(self.audio)} bytes of {self.encoding.type}>)"


class TranscriptDelta(Struct, frozen=True, kw_only=True):
    """The next piece of what is said, and the utterance that it belongs to."""

    speaker: Speaker
    utterance_id: int
    delta: str
    start_ms: int
    end_ms: int


class Utterance(Struct, frozen=True, kw_only=True):
    """Pieces of one speaker that belong together, as a display would show them."""

    utterance_id: int
    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int
    backchannel: bool = False
    """Whether it is an acknowledgement by the assistant ("yes", "mhm") that did not take the turn from the user."""


class UtteranceEnded(Struct, frozen=True):
    """Nothing more belongs to this utterance."""

    utterance: Utterance
    reason: UtteranceEnd


class DelegationStarted(Struct, frozen=True, kw_only=True):
    """The model handed work over. What to do is known from the transcript so far.

    If its target is "client", answer with `append_commentary` or `append_thinking` and this id.
    """

    delegation: LiveDelegationRef
    offset_ms: int


class RunFunction(Struct, frozen=True):
    """Run a function of the Responses model, and report with `function_answered`."""

    call: LiveFunctionCall


class StopFunction(Struct, frozen=True):
    """Stop a function that runs; its output is no longer needed."""

    call_id: str


class ResponsesEvent(Struct, frozen=True, kw_only=True):
    """An event of the Responses model, as it came."""

    event: dict[str, Any]
    delegation_id: str | None


class DecisionMade(Struct, frozen=True):
    """An event of the Decision API, with what it answers."""

    event: LiveDecisionEvent


class FixtureEnded(Struct, frozen=True, kw_only=True):
    """The clip has ended, and the model goes on. `played` is false if nothing says that it was played to its end."""

    command_id: str | None
    played: bool


class LiveUsage(Struct, frozen=True, kw_only=True):
    """What the session has cost since its start: it replaces the report before."""

    usage: LiveSessionUsage
    context_window: LiveContextWindow | None = None


class CommandEnded(Struct, frozen=True, kw_only=True):
    """A command was answered or refused, or will not be answered: then `answer` is None, and `reason` says why."""

    command_id: str
    command: AnyLiveClientEvent
    answer: LiveEvent | None = None
    reason: str = ""

    @property
    def refused(self) -> bool:
        """Whether an `error` answered it."""
        return isinstance(self.answer, LiveErrorEvent)


class LiveErrorReported(Struct, frozen=True, kw_only=True):
    """An `error`, and the command that it answers, if that is known."""

    event: LiveErrorEvent
    command_id: str | None = None


class TimeStalled(Struct, frozen=True):
    """No input audio has come for so long that the session's time stands still at this position."""

    position_ms: int


class LiveUnreadable(Struct, frozen=True, kw_only=True):
    """An event of an unknown type, or one that is malformed. The session goes on without it."""

    event: LiveEvent
    problem: str


LiveNotice: TypeAlias = (
    SessionStarted
    | SessionUpdated
    | SessionEnded
    | LiveAudioPiece
    | InputAudioCopy
    | TranscriptDelta
    | UtteranceEnded
    | DelegationStarted
    | RunFunction
    | StopFunction
    | ResponsesEvent
    | DecisionMade
    | FixtureEnded
    | LiveUsage
    | CommandEnded
    | LiveErrorReported
    | TimeStalled
    | LiveUnreadable
    | IllegalTransition
)
