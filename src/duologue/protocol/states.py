"""Every state of the protocol and every transition, as data.

A pair of state and input that is not in its table is illegal. It is a fault of this library or of the shell that drives
it: what a peer sends at a wrong moment is checked before. `step` reports it, and the state does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from msgspec import Struct

__all__ = [
    "BACKEND",
    "CONNECTION",
    "LIVE",
    "LIVE_ENDS",
    "LIVE_SERVER",
    "LIVE_SERVER_ENDS",
    "PLAYBACK",
    "RECONNECT",
    "RESPONSE",
    "RESPONSE_ENDS",
    "SEQUENCE",
    "TURN",
    "BackendInput",
    "BackendState",
    "ConnectionInput",
    "ConnectionState",
    "IllegalTransition",
    "IllegalTransitionError",
    "LiveInput",
    "LiveServerInput",
    "LiveServerState",
    "LiveState",
    "PlaybackInput",
    "PlaybackState",
    "ReconnectInput",
    "ReconnectState",
    "ReportIllegal",
    "ResponseInput",
    "ResponseState",
    "SequenceInput",
    "SequenceState",
    "TurnInput",
    "TurnState",
    "illegal_transitions_raise",
    "raise_illegal",
    "report_once",
    "step",
]

S = TypeVar("S", bound=Enum)
I = TypeVar("I", bound=Enum)  # noqa: E741 - the usual letters for state and input


class IllegalTransition(Struct, frozen=True):
    """An input that a state does not allow: a fault in this library, or in your own shell. Nothing has changed."""

    table: str
    """Named after its states: "response" for `ResponseState`."""
    state: str
    """The state that it was in."""
    happened: str
    """The input that the table does not have there."""

    def __str__(self) -> str:
        return f"illegal transition of the {self.table}: {self.happened!r} while {self.state!r}"


class IllegalTransitionError(AssertionError):
    """An illegal transition where nothing reports it."""


ReportIllegal: TypeAlias = Callable[[IllegalTransition], None]
"""Called by `step` with each illegal transition."""

illegal_transitions_raise = False
"""For tests: whether every illegal transition raises, also where it would be reported."""


def raise_illegal(illegal: IllegalTransition) -> None:
    """For states that have no owner to report to.

    Raises:
        IllegalTransitionError: always.
    """
    raise IllegalTransitionError(str(illegal))


def report_once(report: ReportIllegal) -> ReportIllegal:
    """Reports each illegal transition once: a fault that every event repeats needs one report."""
    seen: set[IllegalTransition] = set()

    def report_new(illegal: IllegalTransition) -> None:
        if illegal not in seen:
            seen.add(illegal)
            report(illegal)

    return report_new


class _Name(Enum):
    """A state or an input. Hashed by identity: the hash of `Enum` is computed in Python, twice in each transition."""

    if not TYPE_CHECKING:  # checkers know the method of `Enum`
        __hash__ = object.__hash__


def step(table: Mapping[tuple[S, I], S], state: S, happened: I, *, report: ReportIllegal) -> S | None:
    """The next state. None if the table does not have this input in this state, which is reported."""
    following = table.get((state, happened))
    if following is None:
        name = type(state).__name__.removesuffix("State").lower()
        illegal = IllegalTransition(name, str(state.value), str(happened.value))
        (raise_illegal if illegal_transitions_raise else report)(illegal)
    return following


class ConnectionState(_Name):
    """A client's connection."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class ConnectionInput(_Name):
    """What happens to a connection."""

    SESSION_CREATED = "session created"
    CLOSED = "closed"


CONNECTION: Final[Mapping[tuple[ConnectionState, ConnectionInput], ConnectionState]] = {
    (ConnectionState.CONNECTING, ConnectionInput.SESSION_CREATED): ConnectionState.OPEN,
    (ConnectionState.CONNECTING, ConnectionInput.CLOSED): ConnectionState.CLOSED,
    (ConnectionState.OPEN, ConnectionInput.CLOSED): ConnectionState.CLOSED,
}


class TurnState(_Name):
    """The user's turn, as voice activity detection sees it."""

    SILENT = "silent"
    RISING = "rising"
    """Speech, but not yet for long enough to be sure."""
    SPEAKING = "speaking"
    FALLING = "falling"
    """Silence inside a turn, not yet for long enough to mean anything."""
    PAUSED = "paused"
    """Silence for long enough that the turn may be over; a detector of the end of turns reads the transcript."""


class TurnInput(_Name):
    """What one frame of audio says about the turn."""

    SPEECH = "speech"
    MURMUR = "murmur"
    """Too weak for speech, too strong for silence: the end of a soft word, or a breath."""
    SILENCE = "silence"
    ENOUGH_SPEECH = "enough speech"
    ENOUGH_PAUSE = "enough pause"
    ENOUGH_SILENCE = "enough silence"


TURN: Final[Mapping[tuple[TurnState, TurnInput], TurnState]] = {
    (TurnState.SILENT, TurnInput.SPEECH): TurnState.RISING,
    (TurnState.RISING, TurnInput.SPEECH): TurnState.RISING,
    (TurnState.RISING, TurnInput.MURMUR): TurnState.SILENT,
    (TurnState.RISING, TurnInput.SILENCE): TurnState.SILENT,
    (TurnState.RISING, TurnInput.ENOUGH_SPEECH): TurnState.SPEAKING,
    (TurnState.SPEAKING, TurnInput.SPEECH): TurnState.SPEAKING,
    (TurnState.SPEAKING, TurnInput.MURMUR): TurnState.FALLING,
    (TurnState.SPEAKING, TurnInput.SILENCE): TurnState.FALLING,
    (TurnState.FALLING, TurnInput.SPEECH): TurnState.SPEAKING,
    (TurnState.FALLING, TurnInput.MURMUR): TurnState.FALLING,
    (TurnState.FALLING, TurnInput.SILENCE): TurnState.FALLING,
    (TurnState.FALLING, TurnInput.ENOUGH_PAUSE): TurnState.PAUSED,
    (TurnState.FALLING, TurnInput.ENOUGH_SILENCE): TurnState.SILENT,
    (TurnState.PAUSED, TurnInput.SPEECH): TurnState.SPEAKING,
    (TurnState.PAUSED, TurnInput.MURMUR): TurnState.FALLING,
    (TurnState.PAUSED, TurnInput.SILENCE): TurnState.PAUSED,
    (TurnState.PAUSED, TurnInput.ENOUGH_SILENCE): TurnState.SILENT,
}


class ResponseState(_Name):
    """A response on the server. The last four are ends, named as the wire names them."""

    WAITING = "waiting"
    """Created; some speech before it is still being transcribed."""
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class ResponseInput(_Name):
    """What happens to a response."""

    CONTEXT_COMPLETE = "context complete"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    TOKENS_SPENT = "tokens spent"
    FAILED = "failed"


RESPONSE: Final[Mapping[tuple[ResponseState, ResponseInput], ResponseState]] = {
    (ResponseState.WAITING, ResponseInput.CONTEXT_COMPLETE): ResponseState.RUNNING,
    (ResponseState.WAITING, ResponseInput.CANCELLED): ResponseState.CANCELLED,
    (ResponseState.WAITING, ResponseInput.FAILED): ResponseState.FAILED,
    (ResponseState.RUNNING, ResponseInput.FINISHED): ResponseState.COMPLETED,
    (ResponseState.RUNNING, ResponseInput.CANCELLED): ResponseState.CANCELLED,
    (ResponseState.RUNNING, ResponseInput.TOKENS_SPENT): ResponseState.INCOMPLETE,
    (ResponseState.RUNNING, ResponseInput.FAILED): ResponseState.FAILED,
}

RESPONSE_ENDS: Final = frozenset(
    {ResponseState.COMPLETED, ResponseState.CANCELLED, ResponseState.INCOMPLETE, ResponseState.FAILED}
)


class SequenceState(_Name):
    """The response in the conversation, as the client knows it: one at a time (rule `error.response_active`)."""

    IDLE = "idle"
    REQUESTED = "requested"
    """A `response.create` is sent and not answered."""
    ACTIVE = "active"
    """A response is running, requested by this client or not."""
    CANCELLING = "cancelling"
    """A response is being cancelled, and its `response.done` has not arrived."""


class SequenceInput(_Name):
    """What happens to the responses of a conversation."""

    CREATE_SENT = "create sent"
    CREATED = "created"
    REJECTED = "rejected"
    BUSY = "busy"
    """A create is rejected because a response runs that was never announced."""
    CANCEL = "cancel"
    NOT_ACTIVE = "not active"
    """A cancel is rejected because no response was running any more."""
    CANCEL_REJECTED = "cancel rejected"
    DONE = "done"
    OVERDUE = "overdue"
    """The time to wait for an answer is over."""
    LOST = "lost"
    """The connection is lost, and with it every command and response."""


SEQUENCE: Final[Mapping[tuple[SequenceState, SequenceInput], SequenceState]] = {
    (SequenceState.IDLE, SequenceInput.CREATE_SENT): SequenceState.REQUESTED,
    (SequenceState.IDLE, SequenceInput.CREATED): SequenceState.ACTIVE,
    (SequenceState.IDLE, SequenceInput.LOST): SequenceState.IDLE,
    (SequenceState.REQUESTED, SequenceInput.CREATED): SequenceState.ACTIVE,
    (SequenceState.REQUESTED, SequenceInput.REJECTED): SequenceState.IDLE,
    (SequenceState.REQUESTED, SequenceInput.BUSY): SequenceState.ACTIVE,
    (SequenceState.REQUESTED, SequenceInput.CANCEL): SequenceState.CANCELLING,
    (SequenceState.REQUESTED, SequenceInput.OVERDUE): SequenceState.IDLE,
    (SequenceState.REQUESTED, SequenceInput.LOST): SequenceState.IDLE,
    (SequenceState.ACTIVE, SequenceInput.CANCEL): SequenceState.CANCELLING,
    (SequenceState.ACTIVE, SequenceInput.DONE): SequenceState.IDLE,
    (SequenceState.ACTIVE, SequenceInput.OVERDUE): SequenceState.IDLE,
    (SequenceState.ACTIVE, SequenceInput.LOST): SequenceState.IDLE,
    (SequenceState.CANCELLING, SequenceInput.CREATED): SequenceState.CANCELLING,
    (SequenceState.CANCELLING, SequenceInput.REJECTED): SequenceState.IDLE,
    (SequenceState.CANCELLING, SequenceInput.NOT_ACTIVE): SequenceState.IDLE,
    (SequenceState.CANCELLING, SequenceInput.CANCEL_REJECTED): SequenceState.ACTIVE,
    (SequenceState.CANCELLING, SequenceInput.DONE): SequenceState.IDLE,
    (SequenceState.CANCELLING, SequenceInput.OVERDUE): SequenceState.IDLE,
    (SequenceState.CANCELLING, SequenceInput.LOST): SequenceState.IDLE,
}


class PlaybackState(_Name):
    """The model's speech in one content part, from its first delta to the end of its playback."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    """All of it has arrived, as far as the server has said; some may still have to be played."""
    PLAYED = "played"
    CUT = "cut"
    """Interrupted: no more of it will be played."""


class PlaybackInput(_Name):
    """What happens to the speech of a part."""

    ALL_RECEIVED = "all received"
    MORE_RECEIVED = "more received"
    """Speech arrives behind the event that said that it was all: it is played too."""
    ALL_PLAYED = "all played"
    INTERRUPTED = "interrupted"


PLAYBACK: Final[Mapping[tuple[PlaybackState, PlaybackInput], PlaybackState]] = {
    (PlaybackState.RECEIVING, PlaybackInput.ALL_RECEIVED): PlaybackState.RECEIVED,
    (PlaybackState.RECEIVING, PlaybackInput.INTERRUPTED): PlaybackState.CUT,
    (PlaybackState.RECEIVED, PlaybackInput.MORE_RECEIVED): PlaybackState.RECEIVED,
    (PlaybackState.RECEIVED, PlaybackInput.ALL_PLAYED): PlaybackState.PLAYED,
    (PlaybackState.RECEIVED, PlaybackInput.INTERRUPTED): PlaybackState.CUT,
    (PlaybackState.PLAYED, PlaybackInput.MORE_RECEIVED): PlaybackState.RECEIVED,
}


class ReconnectState(_Name):
    """A client's attempts to connect again and restore its session."""

    CONNECTED = "connected"
    LOST = "lost"
    WAITING = "waiting"
    """Until the next attempt is due."""
    CONNECTING = "connecting"
    RESTORING = "restoring"
    """A new session is open; the configuration and the items of the old one are being sent to it."""
    GIVEN_UP = "given up"


class ReconnectInput(_Name):
    """What happens while a client reconnects."""

    CONNECTION_LOST = "connection lost"
    ATTEMPT_PLANNED = "attempt planned"
    ATTEMPT_DUE = "attempt due"
    ATTEMPT_FAILED = "attempt failed"
    OPENED = "opened"
    RESTORED = "restored"
    GAVE_UP = "gave up"


RECONNECT: Final[Mapping[tuple[ReconnectState, ReconnectInput], ReconnectState]] = {
    (ReconnectState.CONNECTED, ReconnectInput.CONNECTION_LOST): ReconnectState.LOST,
    (ReconnectState.LOST, ReconnectInput.ATTEMPT_PLANNED): ReconnectState.WAITING,
    (ReconnectState.LOST, ReconnectInput.GAVE_UP): ReconnectState.GIVEN_UP,
    (ReconnectState.WAITING, ReconnectInput.ATTEMPT_DUE): ReconnectState.CONNECTING,
    (ReconnectState.WAITING, ReconnectInput.GAVE_UP): ReconnectState.GIVEN_UP,
    (ReconnectState.CONNECTING, ReconnectInput.ATTEMPT_FAILED): ReconnectState.LOST,
    (ReconnectState.CONNECTING, ReconnectInput.OPENED): ReconnectState.RESTORING,
    (ReconnectState.CONNECTING, ReconnectInput.GAVE_UP): ReconnectState.GIVEN_UP,
    (ReconnectState.RESTORING, ReconnectInput.CONNECTION_LOST): ReconnectState.LOST,
    (ReconnectState.RESTORING, ReconnectInput.RESTORED): ReconnectState.CONNECTED,
    (ReconnectState.RESTORING, ReconnectInput.GAVE_UP): ReconnectState.GIVEN_UP,
}


class LiveState(_Name):
    """A Live session, as its client knows it. The last three are ends."""

    CONNECTED = "connected"
    """Nothing is sent: the server says nothing before it has `session.start`."""
    STARTING = "starting"
    RUNNING = "running"
    CLOSING = "closing"
    """`session.close` is sent; what was begun is finished."""
    FINALISED = "finalised"
    """`session.closed` came: the session's cost is known."""
    REFUSED = "refused"
    """An `error` came in place of `session.started`."""
    LOST = "lost"
    """The connection ended, or the time to wait for an answer, and the session is not finalised."""


class LiveInput(_Name):
    """What happens to a Live session."""

    START_SENT = "start sent"
    """`session.start` is sent; or a sideband is attached, which is sent `session.started` again."""
    STARTED = "started"
    REFUSED = "refused"
    CLOSE_SENT = "close sent"
    FINALISED = "finalised"
    OVERDUE = "overdue"
    """The time to wait for the start or for the end is over."""
    LOST = "lost"


LIVE: Final[Mapping[tuple[LiveState, LiveInput], LiveState]] = {
    (LiveState.CONNECTED, LiveInput.START_SENT): LiveState.STARTING,
    (LiveState.CONNECTED, LiveInput.STARTED): LiveState.RUNNING,
    (LiveState.CONNECTED, LiveInput.FINALISED): LiveState.FINALISED,
    (LiveState.CONNECTED, LiveInput.LOST): LiveState.LOST,
    (LiveState.STARTING, LiveInput.STARTED): LiveState.RUNNING,
    (LiveState.STARTING, LiveInput.REFUSED): LiveState.REFUSED,
    (LiveState.STARTING, LiveInput.FINALISED): LiveState.FINALISED,
    (LiveState.STARTING, LiveInput.OVERDUE): LiveState.LOST,
    (LiveState.STARTING, LiveInput.LOST): LiveState.LOST,
    (LiveState.RUNNING, LiveInput.CLOSE_SENT): LiveState.CLOSING,
    (LiveState.RUNNING, LiveInput.FINALISED): LiveState.FINALISED,
    (LiveState.RUNNING, LiveInput.LOST): LiveState.LOST,
    (LiveState.CLOSING, LiveInput.FINALISED): LiveState.FINALISED,
    (LiveState.CLOSING, LiveInput.OVERDUE): LiveState.LOST,
    (LiveState.CLOSING, LiveInput.LOST): LiveState.LOST,
}

LIVE_ENDS: Final = frozenset({LiveState.FINALISED, LiveState.REFUSED, LiveState.LOST})


class LiveServerState(Enum):
    """A Live session, as its server knows it. The last two are ends."""

    WAITING = "waiting"
    """The server is silent until `session.start`."""
    RUNNING = "running"
    CLOSING = "closing"
    """The end is asked for; what was begun is finished."""
    REFUSED = "refused"
    """The start was refused, or did not come; the connection is closed a moment later."""
    FINALISED = "finalised"
    """`session.closed` was sent."""
    LOST = "lost"
    """The connection ended without it."""


class LiveServerInput(Enum):
    """What happens to a Live session."""

    STARTED = "started"
    REFUSED = "refused"
    CLOSE_ASKED = "close asked"
    FINALISED = "finalised"
    LOST = "lost"


LIVE_SERVER: Final[Mapping[tuple[LiveServerState, LiveServerInput], LiveServerState]] = {
    (LiveServerState.WAITING, LiveServerInput.STARTED): LiveServerState.RUNNING,
    (LiveServerState.WAITING, LiveServerInput.REFUSED): LiveServerState.REFUSED,
    (LiveServerState.WAITING, LiveServerInput.LOST): LiveServerState.LOST,
    (LiveServerState.RUNNING, LiveServerInput.CLOSE_ASKED): LiveServerState.CLOSING,
    (LiveServerState.RUNNING, LiveServerInput.FINALISED): LiveServerState.FINALISED,
    (LiveServerState.RUNNING, LiveServerInput.LOST): LiveServerState.LOST,
    (LiveServerState.CLOSING, LiveServerInput.FINALISED): LiveServerState.FINALISED,
    (LiveServerState.CLOSING, LiveServerInput.LOST): LiveServerState.LOST,
    (LiveServerState.REFUSED, LiveServerInput.LOST): LiveServerState.LOST,
}

LIVE_SERVER_ENDS: Final = frozenset({LiveServerState.FINALISED, LiveServerState.LOST})


class BackendState(Enum):
    """The Responses model behind a Live session: one chain of responses at a time."""

    IDLE = "idle"
    RESPONDING = "responding"
    PENDING = "pending"
    """The response is complete, and its calls wait for their outputs."""


class BackendInput(Enum):
    """What happens to the Responses model."""

    BEGUN = "begun"
    FINISHED = "finished"
    CALLED = "called"
    """The response is complete and has made calls."""
    FAILED = "failed"


BACKEND: Final[Mapping[tuple[BackendState, BackendInput], BackendState]] = {
    (BackendState.IDLE, BackendInput.BEGUN): BackendState.RESPONDING,
    (BackendState.RESPONDING, BackendInput.FINISHED): BackendState.IDLE,
    (BackendState.RESPONDING, BackendInput.CALLED): BackendState.PENDING,
    (BackendState.RESPONDING, BackendInput.FAILED): BackendState.IDLE,
    (BackendState.PENDING, BackendInput.BEGUN): BackendState.RESPONDING,
}
