"""Messages of MCP servers: JSON-RPC, alone or in a stream of server-sent events, read within limits.

https://modelcontextprotocol.io/specification/2025-06-18/basic#messages
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from duologue.server.mcp.errors import broken_answer
from duologue.server.mcp.limits import MAX_DEPTH, MAX_EVENTS, MAX_LINES, MAX_MESSAGE_BYTES, MAX_VALUES

__all__ = ["EventReader", "RpcError", "RpcMessage", "check_depth", "messages_in", "read_as"]

_MESSAGE: Final = b"message"
"""The type of an event without an `event` field."""


class RpcError(Struct, frozen=True):
    """Why a request failed."""

    code: int
    message: str = ""
    data: Raw | UnsetType = UNSET


class RpcMessage(Struct, frozen=True):
    """A request, a notification or an answer; the fields determine which."""

    id: int | float | str | None = None
    method: str | None = None
    result: Raw | UnsetType = UNSET
    error: RpcError | UnsetType = UNSET


def messages_in(data: bytes | bytearray) -> list[RpcMessage]:
    """The message, or those of a batch, which the revision 2025-03-26 allows. Raises McpFault."""
    found = read_as(data, RpcMessage | list[RpcMessage])
    return found if isinstance(found, list) else [found]


def read_as(data: bytes | bytearray | Raw, kind: Any) -> Any:
    """JSON as a value of this type. Raises McpFault if it is not one, or exceeds a limit."""
    view = bytes(data)
    if len(view) > MAX_MESSAGE_BYTES:
        raise broken_answer(f"a message is larger than {MAX_MESSAGE_BYTES} bytes")
    # An upper bound of the number of values: characters inside of strings count too.
    if view.count(b",") + view.count(b"[") + view.count(b"{") > MAX_VALUES:
        raise broken_answer(f"a message holds more than {MAX_VALUES} values")
    try:
        return msgspec.json.decode(view, type=kind)
    except (ValueError, RecursionError) as fault:  # RecursionError: msgspec's for deep JSON
        # Not with the text of the fault, which may quote the message.
        raise broken_answer("a message is not the JSON that it should be") from fault


def check_depth(value: object) -> None:
    """Raise ValueError for JSON that nests more than `MAX_DEPTH` levels: clients and engines could not read it."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"it nests deeper than {MAX_DEPTH}")


class EventReader:
    """Splits a stream of server-sent events into the data of each. `id` and `retry` are ignored: nothing reconnects."""

    def __init__(self) -> None:
        self._rest = bytearray()
        """The line that is not complete."""
        self._data = bytearray()
        self._has_data = False
        self._kind = _MESSAGE
        self._after_return = False
        self._n_events = 0
        self._n_lines = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of each event that ends in this piece. Raises McpFault for one that exceeds a limit."""
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_return = piece.endswith(b"\r")
        # Only the new piece is searched for line ends, so that a long line in small pieces costs linear time.
        *ends, rest = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._n_lines += len(ends)
        if self._n_lines > MAX_LINES:
            raise broken_answer(f"more than {MAX_LINES} lines")
        for end in ends:
            line = bytes(self._rest) + end if self._rest else end
            self._rest.clear()
            if (data := self._take(line)) is not None:
                yield data
        self._rest += rest
        self._check_size()

    def _take(self, line: bytes) -> bytes | None:
        if not line:
            return self._end()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            if self._has_data:
                self._data += b"\n"
            self._data += value
            self._has_data = True
            self._check_size()
        elif name == b"event":
            self._kind = value
        return None

    def _end(self) -> bytes | None:
        if not self._has_data:
            self._kind = _MESSAGE
            return None
        data, kind = bytes(self._data), self._kind
        self._data.clear()
        self._has_data = False
        self._kind = _MESSAGE
        self._n_events += 1
        if self._n_events > MAX_EVENTS:
            raise broken_answer(f"more than {MAX_EVENTS} events")
        # An event without data only has an id, from which a stream could be resumed.
        return data if data and kind == _MESSAGE else None

    def _check_size(self) -> None:
        if len(self._rest) + len(self._data) > MAX_MESSAGE_BYTES:
            raise broken_answer(f"a message is larger than {MAX_MESSAGE_BYTES} bytes")
