"""The configuration of a session in the body of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from duologue.codec import decode, encode, translate
from duologue.codec.problems import read_problem
from duologue.events import RealtimeError, SessionUpdatedEvent, SessionUpdateEvent, UnknownRealtimeEvent
from duologue.protocol.server.errors import InvalidRequest
from duologue.server.rejections import Rejection
from duologue.server.relay.session_config import without_keys
from duologue.server.session_start import ConfigRejected, SessionStart, session_start_for, validate_config

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["prepared", "session_update", "wrong_value"]


def session_update(session: Any, dialect: str) -> SessionUpdateEvent:
    """The configuration as a `session.update`. Raises ConfigRejected."""
    event = decode(msgspec.json.encode({"type": "session.update", "session": session}), dialect=dialect)
    if isinstance(event, SessionUpdateEvent):
        if dialect != "openai":
            # Settings without a canonical form belong to models that are gone, such as `temperature`.
            frame = translate(event, dialect="openai").frame
            if frame is None:
                raise wrong_value("type", "expected 'realtime' or 'transcription'")
            event = decode(msgspec.json.encode(frame))
        if isinstance(event, SessionUpdateEvent):
            return event
    assert isinstance(event, UnknownRealtimeEvent), event
    problem = read_problem(event.problem)
    raise ConfigRejected(
        _error(
            InvalidRequest("missing", param=problem.path)
            if problem.missing
            else InvalidRequest("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)
        )
    )


def prepared(update: SessionUpdateEvent, dialect: str, app: RealtimeApp) -> tuple[SessionStart, dict[str, Any]]:
    """The start of a session with this configuration, and its JSON. Raises ConfigRejected and Rejection."""
    if app.upstream is None:
        session_start, session = validate_config(update, app.defaults)
        shown = _shown(SessionUpdatedEvent(event_id=app.new_id("event"), session=session), dialect)
    else:
        # The rest of the session, and whether it accepts this, is known when the upstream is opened.
        session_start, requested = session_start_for(update), _shown(update, dialect)
        kind = "realtime.session" if session_start.kind == "realtime" else "realtime.transcription_session"
        shown = without_keys({"object": kind, "id": app.new_id("sess"), **requested})
    if session_start.model is not None and not app.serves(session_start.model):
        raise Rejection("wrong_model", model=session_start.model)
    return session_start, shown


def wrong_value(param: str, reason: str) -> ConfigRejected:
    """The error for a parameter of a body."""
    return ConfigRejected(_error(InvalidRequest("wrong_value", param=param, reason=reason)))


def _error(invalid: InvalidRequest) -> RealtimeError:
    return invalid.event("", answers=None).error


def _shown(event: SessionUpdatedEvent | SessionUpdateEvent, dialect: str) -> dict[str, Any]:
    """The JSON of an event's session in a dialect."""
    frame = translate(event, dialect=dialect).frame if dialect != "openai" else msgspec.json.decode(encode(event))
    assert frame is not None
    shown: dict[str, Any] = frame["session"]
    return shown
