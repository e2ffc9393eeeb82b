"""Reads and replaces the audio formats in events."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypeVar, cast

import msgspec
from msgspec import UNSET

from duologue.audio.formats import PCMA, PCMU, Encoding
from duologue.events import (
    AudioFormat,
    PcmaAudioFormat,
    PcmAudioFormat,
    PcmuAudioFormat,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
)

__all__ = [
    "Configures",
    "Responds",
    "Side",
    "response_format",
    "session_format",
    "wire_of",
    "with_response_format",
    "with_session_format",
]

Side: TypeAlias = Literal["input", "output"]
_Configuring: TypeAlias = SessionUpdateEvent | SessionCreatedEvent | SessionUpdatedEvent
_Responding: TypeAlias = ResponseCreateEvent | ResponseCreatedEvent | ResponseDoneEvent
Configures = TypeVar("Configures", bound=_Configuring)
Responds = TypeVar("Responds", bound=_Responding)


def wire_of(encoding: Encoding) -> AudioFormat:
    """The `format` object that names an encoding."""
    match encoding.type:
        case PCMU.type:
            return PcmuAudioFormat()
        case PCMA.type:
            return PcmaAudioFormat()
        case _:
            return PcmAudioFormat(rate=encoding.rate_hz)


def session_format(event: _Configuring, side: Side) -> Any:
    """The format of a session's input or output; UNSET where it is absent or null."""
    return _found(event, "session", "audio", side, "format")


def with_session_format(event: Configures, side: Side, encoding: Encoding | None) -> Configures:
    """The event with another format, if it names one."""
    if encoding is None or session_format(event, side) is UNSET:
        return event
    return cast(Configures, _replaced(event, ("session", "audio", side, "format"), wire_of(encoding)))


def response_format(event: _Responding) -> Any:
    """The format of a response's speech; UNSET where it is absent or null."""
    return _found(event, "response", "audio", "output", "format")


def with_response_format(event: Responds, encoding: Encoding | None) -> Responds:
    """The event with another format, if it names one."""
    if encoding is None or response_format(event) is UNSET:
        return event
    return cast(Responds, _replaced(event, ("response", "audio", "output", "format"), wire_of(encoding)))


def _found(event: object, *path: str) -> Any:
    place: Any = event
    for name in path:
        place = getattr(place, name, UNSET)
    return UNSET if place is None else place


def _replaced(struct: Any, path: tuple[str, ...], value: object) -> object:
    name, *rest = path
    inner = _replaced(getattr(struct, name), tuple(rest), value) if rest else value
    return msgspec.structs.replace(struct, **{name: inner})
