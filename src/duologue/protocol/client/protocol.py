"""The client's side of one session: messages to events, events to messages, and the session as the server sent it.

receive(message) → event        send(event) → message        closed(code, reason) → exception
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from duologue.codec import decode, encode, encode_append
from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, DecodeError, LocalProtocolError
from duologue.events import (
    AnyEvent,
    AnySession,
    ClientEvent,
    ErrorEvent,
    RealtimeEvent,
    ReceivedEvent,
    ServerEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.states import CONNECTION, ConnectionInput, ConnectionState, raise_illegal, step

__all__ = ["ClientProtocol", "ReadsEvents"]


class ReadsEvents(Protocol):
    """Makes an event of a message. Raises DecodeError for one that is no JSON object."""

    def __call__(self, data: str | bytes, /, *, dialect: str) -> AnyEvent: ...


_NORMAL_CLOSES = frozenset({1000, 1001})


class ClientProtocol:
    """One session, seen from the client. `new_id` makes the ids of events that come without one; `read` makes an event
    of a message in a dialect."""

    def __init__(self, *, dialect: str = "openai", new_id: Callable[[str], str], read: ReadsEvents = decode) -> None:
        self.state: ConnectionState = ConnectionState.CONNECTING
        self.session: AnySession | None = None
        """The session as the server last sent it."""
        self.last_error: ErrorEvent | None = None
        """The last `error` event; servers explain a close with one."""
        self.dialect = dialect
        """How messages are read and written. May change during the session, when another dialect is detected."""
        self.unanswered_update: SessionUpdateEvent | None = None
        """The last `session.update` that was sent, until the session as a whole comes back."""
        self._error_is_last = False
        self._new_id = new_id
        self._read = read

    def receive(self, message: str | bytes) -> ReceivedEvent:
        """The event of a message. Never raises: a message without one gives an unknown event with a `problem`."""
        try:
            event = self._read(message, dialect=self.dialect)
        except DecodeError as fault:
            event = UnknownRealtimeEvent(json={}, problem=str(fault))
        self._error_is_last = isinstance(event, ErrorEvent)
        match event:
            case SessionCreatedEvent() | SessionUpdatedEvent():
                self.session = event.session
                if isinstance(event, SessionUpdatedEvent):
                    self.unanswered_update = None
                if self.state is ConnectionState.CONNECTING:  # later ones change no state
                    self._step(ConnectionInput.SESSION_CREATED)
            case ErrorEvent():
                self.last_error = event
            case ServerEvent() | UnknownRealtimeEvent():
                pass  # all other events change nothing that is kept here
            case _:
                return UnknownRealtimeEvent(
                    json=event.to_json(), problem=f"only clients send {event.type} - at `$.type`"
                )
        return event

    def send(self, event: RealtimeEvent) -> str:
        """The message of an event. An event without an id gets one, so that an `error` can name it (rule `error_echo`).

        Raises:
            LocalProtocolError: the session is over, or the event is one that only servers send.
        """
        if self.state is ConnectionState.CLOSED:
            raise LocalProtocolError(f"cannot send {event.type}: the connection is closed")
        if isinstance(event, ClientEvent):
            if not is_set(event.event_id):
                event = msgspec.structs.replace(event, event_id=self._new_id("event"))
            if isinstance(event, SessionUpdateEvent):
                self.unanswered_update = event
        elif not isinstance(event, UnknownRealtimeEvent):
            raise LocalProtocolError(f"cannot send {event.type}: only servers send it")
        return encode(event, dialect=self.dialect).decode("utf-8")

    def append(self, audio: bytes) -> str:
        """The message that appends input audio, in the session's input format.

        Raises:
            LocalProtocolError: the session is over.
        """
        if self.state is ConnectionState.CLOSED:
            raise LocalProtocolError("cannot append audio: the connection is closed")
        return encode_append(audio, dialect=self.dialect).decode("ascii")

    def closed(self, code: int, reason: str) -> ConnectionClosed:
        """The connection is closed: returns the exception for it, with the `error` that came right before."""
        if self.state is not ConnectionState.CLOSED:
            self._step(ConnectionInput.CLOSED)
        error = self.last_error if self._error_is_last else None
        kind = ConnectionClosedOK if code in _NORMAL_CLOSES and error is None else ConnectionClosedError
        return kind(code, reason, error=error)

    def _step(self, happened: ConnectionInput) -> None:
        self.state = step(CONNECTION, self.state, happened, report=raise_illegal) or self.state
