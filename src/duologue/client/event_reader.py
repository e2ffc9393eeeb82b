"""Reads a server's messages, forgivingly where the server's dialect is not known.

Many servers and proxies speak most of the protocol and leave out ids, usage and times. Where the application named no
dialect and no vendor was recognised, such a frame is read with what says nothing in the place of what is missing, and a
warning for each type of event says so once. Frames of both eras are read in one session: proxies mix them.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from duologue.client.dialect_detection import DialectDetector
from duologue.codec import EVENT_CLASSES, decode
from duologue.codec.jsontext import parse_object
from duologue.codec.known import forgiving_reader
from duologue.codec.problems import read_problem
from duologue.dialects import DEFAULT_DIALECT
from duologue.dialects.omissions import required_fields
from duologue.dialects.unknown_vendor import UNKNOWN_VENDOR
from duologue.events import (
    AnyEvent,
    RealtimeEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    UnknownRealtimeEvent,
    UnknownSession,
)
from duologue.printable import printable

__all__ = ["MessageReader"]

_logger = logging.getLogger("duologue.client")

_COUSINS: Final = {"vllm": "vllm-omni"}
"""Dialects that announce sessions with the same frame and are written alike: the second reads what the first cannot."""

_MAX_NAMED: Final = 6
"""Missing fields that a warning names: more of them do not help."""


class MessageReader:
    """Reads the messages of one connection."""

    def __init__(self, detector: DialectDetector, *, warns: bool = True) -> None:
        self._detector = detector
        self._warns = warns
        self._warned: set[str] = set()
        """Types of events, of which there are some sixty."""

    def read(self, message: str | bytes, *, dialect: str) -> AnyEvent:
        """The event of a message. Raises as `decode` does."""
        event = decode(message, dialect=dialect)
        if isinstance(event, UnknownRealtimeEvent) and self._detector.is_guessed and dialect in _COUSINS:
            return decode(message, dialect=_COUSINS[dialect])
        if not self._detector.is_vendor_unknown:
            return event
        if isinstance(event, UnknownRealtimeEvent):
            return self._read_forgivingly(event)
        if _may_be_of_the_other_era(event):
            read = _read(parse_object(message))
            return event if isinstance(read, UnknownRealtimeEvent) else read
        return event

    def _read_forgivingly(self, event: UnknownRealtimeEvent) -> AnyEvent:
        name = UNKNOWN_VENDOR.canonical(event.wire_type or "")
        if name not in EVENT_CLASSES:
            return event
        read = _read(event.json)
        if isinstance(read, UnknownRealtimeEvent):
            return event
        if self._warns and name not in self._warned:
            self._warned.add(name)
            _logger.warning(
                "%s is not as published (%s): it is read as if what is missing were empty. If the server speaks a "
                "dialect that duologue knows, name it with dialect=",
                name,
                printable(_problem_of(event, read)),
            )
        return read


def _read(frame: dict[str, Any]) -> AnyEvent:
    return forgiving_reader(DEFAULT_DIALECT).read(UNKNOWN_VENDOR.read(frame), frame=frame)


def _may_be_of_the_other_era(event: RealtimeEvent) -> bool:
    """Whether a session or a response has settings that its dialect does not know, or is of no known kind."""
    match event:
        case SessionCreatedEvent() | SessionUpdatedEvent():
            return isinstance(event.session, UnknownSession) or bool(event.session.extra)
        case ResponseCreatedEvent() | ResponseDoneEvent():
            return bool(event.response.extra)
        case _:
            return False


def _problem_of(event: UnknownRealtimeEvent, read: RealtimeEvent) -> str:
    """What is missing from a frame, or does not fit, in words."""
    missing = [name for name in required_fields(type(read)) if event.json.get(name) is None]
    if missing:
        return f"it lacks {', '.join(missing[:_MAX_NAMED])}"
    problem = read_problem(event.problem)
    path = problem.path or "the whole of it"
    return f"it lacks {path}" if problem.missing else f"{path} does not fit"
