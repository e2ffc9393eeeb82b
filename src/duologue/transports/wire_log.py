"""The log of frames, on the logger `duologue.wire` at DEBUG: direction, type, id and size, and no content."""

from __future__ import annotations

import logging
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from duologue.printable import printable, printable_name

__all__ = ["WIRE", "Direction", "log_frame"]

WIRE: Final = logging.getLogger("duologue.wire")
"""Ask it whether DEBUG is on before each `log_frame`: that is all that a frame costs while it is off."""

Direction: TypeAlias = Literal["sent", "received"]
"""As this program sees it; of a relay, which has two sides, `session` says which."""


class _Head(Struct):
    """What is logged of a frame. What else it holds is skipped without being decoded."""

    type: str = "without a type"
    event_id: str | None = None


_decoder: Final = msgspec.json.Decoder(_Head)


def log_frame(direction: Direction, message: str | bytes, *, session: str | None) -> None:
    """Log one frame, `received response.done event_… (834 bytes), session sess_…`. Call it only while DEBUG is on."""
    if isinstance(message, bytes):
        what, size_bytes = "a binary message", len(message)
    else:
        encoded = message.encode("utf-8", "surrogatepass")
        what, size_bytes = _head_of(encoded), len(encoded)
    of_session = f", session {printable_name(session)}" if session is not None else ""
    WIRE.debug("%s", printable(f"{direction} {what} ({size_bytes} bytes){of_session}"))


def _head_of(encoded: bytes) -> str:
    try:
        head = _decoder.decode(encoded)
    except (msgspec.DecodeError, RecursionError):
        return "an unreadable text"
    return " ".join(printable_name(part) for part in (head.type, head.event_id) if part is not None)
