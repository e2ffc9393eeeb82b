"""What can be read of a `response.done` that is malformed, or names no response: one has ended all the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from duologue.events import RealtimeEvent, ResponseDoneEvent, UnknownRealtimeEvent, is_set
from duologue.protocol.client.response_ids import UNKNOWN_STATUS, response_id_of

__all__ = ["readable_end", "with_id"]

_TYPE: Final = "response.done"


def readable_end(event: UnknownRealtimeEvent) -> ResponseDoneEvent | None:
    """The end of a response, with every field and every item that is well-formed; None if the event is another one."""
    if event.json.get("type") != _TYPE:
        return None
    response = event.json.get("response")
    readable: dict[str, Any] = {}
    for name, value in response.items() if isinstance(response, Mapping) else ():
        if name == "output" and isinstance(value, list):
            value = [item for item in value if _read({"output": [item]}) is not None]
        if _read({**readable, name: value}) is not None:
            readable[name] = value
    return _read(readable)


def with_id(event: ResponseDoneEvent, running: Collection[str]) -> ResponseDoneEvent:
    """The event, with the id of the only response that runs if it has none; how that ended is not known then."""
    response = event.response
    if response_id_of(response) or len(running) != 1 or "" in running:
        return event
    (running_id,) = running
    status = response.status if is_set(response.status) else UNKNOWN_STATUS
    return msgspec.structs.replace(event, response=msgspec.structs.replace(response, id=running_id, status=status))


def _read(response: dict[str, Any]) -> ResponseDoneEvent | None:
    read = RealtimeEvent.from_json({"type": _TYPE, "event_id": "", "response": response})
    return read if isinstance(read, ResponseDoneEvent) else None
