"""What faults make of a message that passes: each a function from the message to what comes in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, TypeAlias

from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError
from duologue.faults.planned import PlannedFault

__all__ = ["AUDIO_TYPES", "CHANGES", "Change"]

Change: TypeAlias = Callable[[PlannedFault, str | bytes, Random], "tuple[str | bytes, ...] | None"]
"""What comes in place of a message; None: the fault has nothing to change in it."""

AUDIO_TYPES: Final[Mapping[str, str]] = {
    "response.output_audio.delta": "delta",
    "response.audio.delta": "delta",
    "session.output_audio.delta": "delta",
    "input_audio_buffer.append": "audio",
    "session.input_audio.append": "audio",
    "session.input_audio_buffer.append": "audio",
}
"""Events with audio, and the field that it is in."""

_PAGE: Final = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_NEW_VALUE: Final = "of_a_newer_server"
_MAX_DEPTH: Final = 8
"""Of objects that are looked into; events nest no deeper."""


def _duplicated(_: PlannedFault, message: str | bytes, __: Random) -> tuple[str | bytes, ...]:
    return message, message


def _dropped(_: PlannedFault, __: str | bytes, ___: Random) -> tuple[str | bytes, ...]:
    return ()


def _truncated(fault: PlannedFault, message: str | bytes, _: Random) -> tuple[str | bytes, ...]:
    return (message[: min(int(len(message) * fault.number("keep")), max(len(message) - 1, 0))],)


def _page(_: PlannedFault, __: str | bytes, ___: Random) -> tuple[str | bytes, ...]:
    return (_PAGE,)


def _binary(_: PlannedFault, message: str | bytes, __: Random) -> tuple[str | bytes, ...] | None:
    return (message.encode("utf-8", "surrogatepass"),) if isinstance(message, str) else None


def _bad_base64(_: PlannedFault, message: str | bytes, chance: Random) -> tuple[str | bytes, ...] | None:
    event = _read(message)
    field = AUDIO_TYPES.get(str(event.get("type"))) if event is not None else None
    audio = event.get(field) if event is not None and field is not None else None
    if event is None or field is None or not isinstance(audio, str) or not audio:
        return None
    at = chance.randrange(len(audio))
    return (_written({**event, field: f"{audio[:at]}*{audio[at + 1 :]}"}),)


def _new_field(fault: PlannedFault, message: str | bytes, _: Random) -> tuple[str | bytes, ...] | None:
    event = _read(message)
    if event is None:
        return None
    added = {fault.text("name"): {"is_new": True}}
    return (_written({name: _with(value, added) for name, value in event.items()} | added),)


def _with(value: Any, added: dict[str, Any]) -> Any:
    return {**value, **added} if isinstance(value, dict) else value


def _new_enum(fault: PlannedFault, message: str | bytes, _: Random) -> tuple[str | bytes, ...] | None:
    event = _read(message)
    if event is None:
        return None
    changed = _replaced(event, fault.text("field"), 0)
    return None if changed == event else (_written(changed),)


def _replaced(value: Any, field: str, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [_replaced(inner, field, depth + 1) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _NEW_VALUE if name == field and isinstance(inner, str) else _replaced(inner, field, depth + 1)
        for name, inner in value.items()
    }


def _read(message: str | bytes) -> dict[str, Any] | None:
    try:
        return parse_object(message)
    except DecodeError:
        return None


def _written(event: dict[str, Any]) -> str:
    return write_text(event).decode("utf-8")


CHANGES: Final[Mapping[str, Change]] = {
    "duplicate": _duplicated,
    "drop": _dropped,
    "truncate": _truncated,
    "not_json": _page,
    "binary": _binary,
    "bad_base64": _bad_base64,
    "new_field": _new_field,
    "new_enum": _new_enum,
}
"""By the name of the fault. `reorder` is not one of them: it changes no message."""
