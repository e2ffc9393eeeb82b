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
"""Who speaks."""

UtteranceEnd: TypeAlias = Literal["speaker_change", "inactivity", "timestamp_reset", "session_closed", "length"]
"""Why an utterance ended: another speaker began, nothing came, time went back, the session ended, it was too long."""


class SessionStarted(Struct, frozen=True):
    """The session runs, with these settings."""

    session: LiveSession
    """As the server reports it."""


class SessionUpdated(Struct, frozen=True):
    """The settings changed."""

    session: LiveSession
    """As the server reports it: all settings."""


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
    """Samples in `encoding`, mono."""
    encoding: Encoding
    """Format and rate."""
    start_ms: int
    """In milliseconds from the start of the session."""
    """In milliseconds of the session's time."""
    gap_ms: int = 0
    """In milliseconds."""

    def __repr__(self) -> str:
        return f"LiveAudioPiece(start_ms={self.start_ms}, audio=<{len(self.audio)} bytes of {self.encoding.type}>)"


class InputAudioCopy(Struct, frozen=True, kw_only=True):
    """The next piece of the user's sound, as a sideband gets it: before a mute, and in the order in which it came."""

    audio: bytes
    """Samples in `encoding`, mono."""
    encoding: Encoding
    """Format and rate."""

    def __repr__(self) -> str:
        return f"InputAudioCopy(audio=<{len(self.audio)} bytes of {self.encoding.type}>)"


class TranscriptDelta(Struct, frozen=True, kw_only=True):
    """The next piece of what is said, and the utterance that it belongs to."""

    speaker: Speaker
    """The user, or the assistant."""
    utterance_id: int
    """Counts the utterances of a session, of both speakers."""
    delta: str
    """Text to be put behind the pieces before; it brings its own spaces."""
    start_ms: int
    """In milliseconds of the session's time."""
    end_ms: int
    """In milliseconds of the session's time."""


class Utterance(Struct, frozen=True, kw_only=True):
    """Pieces of one speaker that belong together, as a display would show them."""

    utterance_id: int
    """Counts the utterances of a session, of both speakers."""
    speaker: Speaker
    """The user, or the assistant."""
    text: str
    """All pieces so far."""
    start_ms: int
    """In milliseconds of the session's time."""
    end_ms: int
    """In milliseconds of the session's time."""
    backchannel: bool = False
    """Whether it is an acknowledgement by the assistant ("yes", "mhm") that did not take the turn from the user."""


class UtteranceEnded(Struct, frozen=True):
    """Nothing more belongs to this utterance."""

    utterance: Utterance
    """With its final text."""
    reason: UtteranceEnd
    """Why it ended."""


class DelegationStarted(Struct, frozen=True, kw_only=True):
    """The model handed work over. What to do is known from the transcript so far.

    If its target is "client", answer with `append_commentary` or `append_thinking` and this id.
    """

    delegation: LiveDelegationRef
    """Its id, and who is to do the work."""
    offset_ms: int
    """Where in the session's time, in milliseconds; it may be past."""


class RunFunction(Struct, frozen=True):
    """Run a function of the Responses model, and report with `function_answered`."""

    call: LiveFunctionCall
    """The function's name, its arguments, and the ids."""


class StopFunction(Struct, frozen=True):
    """Stop a function that runs; its output is no longer needed."""

    call_id: str
    """Of the call whose function runs."""


class ResponsesEvent(Struct, frozen=True, kw_only=True):
    """An event of the Responses model, as it came."""

    event: dict[str, Any]
    """The JSON object."""
    delegation_id: str | None
    """The delegation that it belongs to, where that is said."""


class DecisionMade(Struct, frozen=True):
    """An event of the Decision API, with what it answers."""

    event: LiveDecisionEvent
    """As the server sent it."""


class FixtureEnded(Struct, frozen=True, kw_only=True):
    """The clip has ended, and the model goes on. `played` is false if nothing says that it was played to its end."""

    command_id: str | None
    """Of the command that played it; None if it is not known."""
    played: bool


class LiveUsage(Struct, frozen=True, kw_only=True):
    """What the session has cost since its start: it replaces the report before."""

    usage: LiveSessionUsage
    """Seconds and tokens since the start of the session."""
    context_window: LiveContextWindow | None = None
    """How full the model's context is, if the server says it."""


class CommandEnded(Struct, frozen=True, kw_only=True):
    """A command was answered or refused, or will not be answered: then `answer` is None, and `reason` says why."""

    command_id: str
    """The `event_id` of the command."""
    command: AnyLiveClientEvent
    """As it was sent."""
    answer: LiveEvent | None = None
    reason: str = ""

    @property
    def refused(self) -> bool:
        """Whether an `error` answered it."""
        return isinstance(self.answer, LiveErrorEvent)


class LiveErrorReported(Struct, frozen=True, kw_only=True):
    """An `error`, and the command that it answers, if that is known."""

    event: LiveErrorEvent
    """As the server sent it."""
    command_id: str | None = None
    """None if the server does not say which."""


class TimeStalled(Struct, frozen=True):
    """No input audio has come for so long that the session's time stands still at this position."""

    position_ms: int
    """In milliseconds from the start of the session."""


class LiveUnreadable(Struct, frozen=True, kw_only=True):
    """An event of an unknown type, or one that is malformed. The session goes on without it."""

    event: LiveEvent
    """With its fields as they came."""
    problem: str
    """What is wrong with it, in a sentence."""


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
"""Every notice of a Live session."""
