"""What a client sends: a message becomes a command that the session can carry out, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from duologue.codec import decode_live
from duologue.codec.live import LIVE_CLASSES
from duologue.codec.problems import read_problem
from duologue.errors import DecodeError
from duologue.events import UNSET, UnknownVariant, WireObject, is_set
from duologue.events.base import Maybe
from duologue.events.live import (
    AnyLiveClientEvent,
    AnyLiveEvent,
    LiveInputAudioAppendEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveSessionUpdateEvent,
    UnknownLiveEvent,
)
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import SHORT_CHARS, check_depth, check_frame, size_bytes
from duologue.protocol.server.validation import MAX_EVENT_ID_CHARS

__all__ = ["accept", "event_id_of", "read_message", "reference_to"]

_COMMANDS: Final = get_args(AnyLiveClientEvent)
_SUPPORTED: Final = ", ".join(f"'{cls.type}'" for cls in _COMMANDS)
_AUDIO: Final = (LiveInputAudioAppendEvent, LiveOutputAudioFixturePlayEvent)


def read_message(message: str | bytes, limits: LiveDefaults) -> AnyLiveEvent:
    """The event that a message is. Its cost is checked first, because a decoder cannot be interrupted.

    Raises:
        RefusedCommand: it is binary, too large, or not a JSON object.
    """
    try:
        if isinstance(message, bytes):
            raise InvalidRequest("binary")
        if len(message) > SHORT_CHARS:
            check_frame(message, max_bytes=limits.max_event_bytes, max_values=limits.max_event_values)
        else:
            check_depth(message)
        event = decode_live(message)
        if not isinstance(event, _AUDIO) and (
            (size := size_bytes(message, limits.max_event_bytes)) > limits.max_event_bytes
        ):
            raise InvalidRequest("event_too_large", max=limits.max_event_bytes, got=size)
    except DecodeError as fault:
        raise RefusedCommand("not_json", reason=fault.reason) from fault
    except InvalidRequest as invalid:
        raise RefusedCommand.of(invalid) from invalid
    return event


def accept(event: AnyLiveEvent, limits: LiveDefaults) -> AnyLiveClientEvent:
    """The event if it is a command without unknown fields.

    Raises:
        RefusedCommand: it is none.
    """
    if isinstance(event, UnknownLiveEvent):
        raise _unreadable(event)
    if not isinstance(event, _COMMANDS):
        raise RefusedCommand("unknown_type", param="type", value=event.type, supported=_SUPPORTED)
    if is_set(event.event_id) and len(event.event_id) > MAX_EVENT_ID_CHARS:
        raise RefusedCommand(
            "too_long", param="event_id", max=MAX_EVENT_ID_CHARS, unit="characters", got=len(event.event_id)
        )
    for number, (path, value) in enumerate(_objects(event, "")):
        if number > limits.max_event_objects:
            raise RefusedCommand("too_many_objects", max=limits.max_event_objects)
        if value.extra and not (path == "session." and isinstance(event, LiveSessionUpdateEvent)):
            # What an update may not name is judged by `config.updated`, which knows the fixed fields.
            raise RefusedCommand("unknown_parameter", param=f"{path}{next(iter(value.extra))}")
    return event  # type: ignore[no-any-return]  # one of the union, as was checked


def reference_to(event: AnyLiveEvent) -> Maybe[str]:
    """The id of a command, for the event that answers it; absent if the command has none."""
    event_id = event_id_of(event)
    return event_id if event_id is not None else UNSET


def event_id_of(event: AnyLiveEvent | None) -> str | None:
    """The event's id as an answer repeats it; None where there is none, or it is too long to repeat."""
    event_id = event.event_id if event is not None else None
    return event_id if isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID_CHARS else None


def _unreadable(event: UnknownLiveEvent) -> RefusedCommand:
    if event.wire_type is None:
        return RefusedCommand("missing", param="type")
    if LIVE_CLASSES.get(event.wire_type) not in _COMMANDS:
        return RefusedCommand("unknown_type", param="type", value=event.wire_type[:64], supported=_SUPPORTED)
    problem = read_problem(event.problem)
    if problem.missing:
        return RefusedCommand("missing", param=problem.path)
    return RefusedCommand("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)


def _objects(value: Any, path: str) -> Iterator[tuple[str, WireObject]]:
    """All objects inside of a value, with their paths; what is kept as it came has none that are known."""
    if isinstance(value, WireObject):
        yield path, value
        if not isinstance(value, UnknownVariant):
            for name in value.__struct_fields__:
                yield from _objects(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _objects(element, f"{path.removesuffix('.')}[{index}].")
