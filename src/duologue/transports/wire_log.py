"""The log of frames, on the logger `duologue.wire` at DEBUG: direction, type, id and size, and no content."""

from __future__ import annotations

import logging
import re
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from duologue.printable import printable, printable_name

__all__ = ["SERVER_WIRE", "WIRE", "Direction", "log_frame"]

WIRE: Final = logging.getLogger("duologue.wire")
"""Ask it whether DEBUG is on before each `log_frame`: that is all that a frame costs while it is off."""

SERVER_WIRE: Final = logging.getLogger("duologue.wire.server")
"""The same for servers and relays: a process may have both sides."""

Direction: TypeAlias = Literal["sent", "received"]
"""As the side that logs it sees it; of a relay, which has two sides, `session` says which."""


_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}(?:\.[a-z0-9_]{1,60}){1,5}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""Names of events and ids have these forms. What a peer calls a type may be any text, and only these are logged."""

_SHORT_NAMES: Final = frozenset({"error", "ping", "pong", "heartbeat", "partial_message", "full_message"})
"""Names of events without a dot, of all dialects."""


class _Head(Struct):
    """What is logged of a frame. What else it holds is skipped without being decoded."""

    type: str | None = None
    event_id: str | None = None


_decoder: Final = msgspec.json.Decoder(_Head)


def log_frame(direction: Direction, message: str | bytes, *, session: str | None, wire: logging.Logger = WIRE) -> None:
    """Log one frame, `received response.done event_… (834 bytes), session sess_…`. Call it only while DEBUG is on."""
    if isinstance(message, bytes):
        what, size_bytes = "a binary message", len(message)
    else:
        encoded = message.encode("utf-8", "surrogatepass")
        what, size_bytes = _head_of(encoded), len(encoded)
    of_session = f", session {printable_name(session)}" if session is not None else ""
    wire.debug("%s", printable(f"{direction} {what} ({size_bytes} bytes){of_session}"))


def _head_of(encoded: bytes) -> str:
    try:
        head = _decoder.decode(encoded)
    except (msgspec.DecodeError, RecursionError):
        return "an unreadable text"
    if head.type is None:
        return "a frame without a type"
    name = head.type if _NAME.fullmatch(head.type) or head.type in _SHORT_NAMES else "a frame of no known kind of type"
    return f"{name} {head.event_id}" if head.event_id is not None and _ID.fullmatch(head.event_id) else name
