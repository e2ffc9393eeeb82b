"""What can be read of a `response.done` that is malformed: the response has ended all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.events import RealtimeEvent, ResponseDoneEvent, UnknownRealtimeEvent

__all__ = ["readable_end"]

_TYPE: Final = "response.done"


def readable_end(event: UnknownRealtimeEvent) -> ResponseDoneEvent | None:
    """The end of a response, with every field and every item that is well-formed; None if the event is another one."""
    response = event.json.get("response")
    if event.json.get("type") != _TYPE or not isinstance(response, Mapping):
        return None
    readable: dict[str, Any] = {}
    for name, value in response.items():
        if name == "output" and isinstance(value, list):
            value = [item for item in value if _read({"output": [item]}) is not None]
        if _read({**readable, name: value}) is not None:
            readable[name] = value
    return _read(readable)


def _read(response: dict[str, Any]) -> ResponseDoneEvent | None:
    read = RealtimeEvent.from_json({"type": _TYPE, "event_id": "", "response": response})
    return read if isinstance(read, ResponseDoneEvent) else None
