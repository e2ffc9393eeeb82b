"""Every state of the protocol and every way from one to the next, as data.

A pair that is not in a table is not legal: `step` returns None for it, and its caller says what that means.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar

__all__ = [
    "CONNECTION",
    "RESPONSE",
    "RESPONSE_ENDS",
    "TURN",
    "ConnectionInput",
    "ConnectionState",
    "ResponseInput",
    "ResponseState",
    "TurnInput",
    "TurnState",
    "step",
]

S = TypeVar("S", bound=Enum)
I = TypeVar("I", bound=Enum)  # noqa: E741 - state and input are called so in every book on automata


def step(table: Mapping[tuple[S, I], S], state: S, happened: I) -> S | None:
    """The next state, or None if this cannot happen in this one."""
    return table.get((state, happened))


class ConnectionState(Enum):
    """A client's connection."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class ConnectionInput(Enum):
    """What happens to a connection."""

    SESSION_CREATED = "session created"
    CLOSED = "closed"


CONNECTION: Final[Mapping[tuple[ConnectionState, ConnectionInput], ConnectionState]] = {
    (ConnectionState.CONNECTING, ConnectionInput.SESSION_CREATED): ConnectionState.OPEN,
    (ConnectionState.CONNECTING, ConnectionInput.CLOSED): ConnectionState.CLOSED,
    (ConnectionState.OPEN, ConnectionInput.CLOSED): ConnectionState.CLOSED,
}


class TurnState(Enum):
    """The user's turn, as voice activity detection sees it."""

    SILENT = "silent"
    RISING = "rising"
    """Speech, but not yet for long enough to be sure."""
    SPEAKING = "speaking"
    FALLING = "falling"
    """Silence inside a turn, not yet for long enough to end it."""


class TurnInput(Enum):
    """What one frame of audio says about the turn."""

    SPEECH = "speech"
    SILENCE = "silence"
    ENOUGH_SPEECH = "enough speech"
    ENOUGH_SILENCE = "enough silence"


TURN: Final[Mapping[tuple[TurnState, TurnInput], TurnState]] = {
    (TurnState.SILENT, TurnInput.SPEECH): TurnState.RISING,
    (TurnState.RISING, TurnInput.SPEECH): TurnState.RISING,
    (TurnState.RISING, TurnInput.SILENCE): TurnState.SILENT,
    (TurnState.RISING, TurnInput.ENOUGH_SPEECH): TurnState.SPEAKING,
    (TurnState.SPEAKING, TurnInput.SPEECH): TurnState.SPEAKING,
    (TurnState.SPEAKING, TurnInput.SILENCE): TurnState.FALLING,
    (TurnState.FALLING, TurnInput.SILENCE): TurnState.FALLING,
    (TurnState.FALLING, TurnInput.SPEECH): TurnState.SPEAKING,
    (TurnState.FALLING, TurnInput.ENOUGH_SILENCE): TurnState.SILENT,
}


class ResponseState(Enum):
    """A response on the server. The last four are ends, named as the wire names them."""

    WAITING = "waiting"
    """Created; some speech before it is still being transcribed."""
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class ResponseInput(Enum):
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
