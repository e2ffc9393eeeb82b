"""The client events that a session accepts, and the check of each before it is carried out."""

from __future__ import annotations

from typing import TypeAlias, get_args

from duologue.codec import EVENT_CLASSES
from duologue.codec.problems import read_problem
from duologue.events import (
    ConversationItemCreateEvent,
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncateEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    UnknownVariant,
)
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.leniency import Leniency
from duologue.protocol.server.session import Session
from duologue.protocol.server.validation import MAX_EVENT_ID_CHARS, faults_of

__all__ = ["AcceptedEvent", "accept", "event_id_of"]

AcceptedEvent: TypeAlias = (
    SessionUpdateEvent
    | InputAudioBufferAppendEvent
    | InputAudioBufferCommitEvent
    | InputAudioBufferClearEvent
    | ConversationItemCreateEvent
    | ConversationItemTruncateEvent
    | ConversationItemDeleteEvent
    | ConversationItemRetrieveEvent
    | ResponseCreateEvent
    | ResponseCancelEvent
)
"""Client events of a WebSocket session; `output_audio_buffer.clear` belongs to WebRTC and SIP."""

_SUPPORTED = ", ".join(f"'{cls.type}'" for cls in get_args(AcceptedEvent))


def accept(event: RealtimeEvent, session: Session, leniency: Leniency, *, max_objects: int) -> AcceptedEvent:
    """Return the event if this session can carry it out. Raises InvalidRequest.

    The answers are those of the rules `error.unknown_type`, `error.missing_type`, `error.invalid_value` and
    `error.unknown_parameter`.
    """
    if isinstance(event, UnknownRealtimeEvent):
        cls = EVENT_CLASSES.get(event.wire_type or "")
        if event.wire_type is None:
            raise InvalidRequest("missing", param="type")
        if cls is None or not issubclass(cls, AcceptedEvent):
            raise InvalidRequest("unknown_type", param="type", value=event.wire_type, supported=_SUPPORTED)
        problem = read_problem(event.problem)
        if problem.missing:
            raise InvalidRequest("missing", param=problem.path)
        raise InvalidRequest("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)
    if isinstance(event, ErrorEvent) and event.extra.frame is not None and "type" not in event.extra.frame:
        raise InvalidRequest("missing", param="type")  # a server's frame of this shape would be an error
    if not isinstance(event, AcceptedEvent):
        raise InvalidRequest("unknown_type", param="type", value=event.type, supported=_SUPPORTED)
    if isinstance(event, SessionUpdateEvent) and isinstance(event.session, UnknownVariant) and not event.session.type:
        return accept(_of_own_kind(event, session, leniency), session, leniency, max_objects=max_objects)
    for fault in faults_of(event, session.limits, max_objects):
        leniency.check(fault, event_type=event.type)
    if session.kind == "transcription" and isinstance(event, ResponseCreateEvent):
        raise InvalidRequest("transcription_only", param="type", value=event.type)
    return event


def _of_own_kind(event: SessionUpdateEvent, session: Session, leniency: Leniency) -> RealtimeEvent:
    """An update that names no kind of session, for this one. Raises InvalidRequest where the session is strict."""
    leniency.check(InvalidRequest("missing", param="session.type", harmless=True), event_type=event.type)
    wire = event.to_json()
    return RealtimeEvent.from_json({**wire, "session": {**wire["session"], "type": session.kind}})


def event_id_of(event: RealtimeEvent | None) -> str | None:
    """The event's id as an `error` repeats it; None where there is none, or it is too long to repeat."""
    event_id = event.event_id if event is not None else None
    return event_id if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_CHARS else None
