"""What the WebSocket library has under other names since its version 16. The official SDK of OpenAI allows 15 only.

The library promises none of these names, and an assignment to one that it does not know would limit nothing, in
silence: `tests/transports/library/test_names.py` holds all that is used of its inside, and of uvicorn's, against what
is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import websockets.version

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection
    from websockets.protocol import Protocol

__all__ = [
    "MESSAGE_LIMIT",
    "MESSAGE_SIZE",
    "SEND_IN_PROGRESS",
    "forget_fragments",
    "fragment_bytes",
    "is_sending",
    "limit_messages",
]

_BEFORE_16: Final = int(websockets.version.version.partition(".")[0]) < 16

MESSAGE_LIMIT: Final[str] = "max_size" if _BEFORE_16 else "max_message_size"
"""Of a parser: the largest size of a message, in bytes."""

MESSAGE_SIZE: Final[str] = "cur_size" if _BEFORE_16 else "current_size"
"""Of a parser: the size of the complete fragments of a message that is not complete; None: there is no such message."""

SEND_IN_PROGRESS: Final[str] = "fragmented_send_waiter" if _BEFORE_16 else "send_in_progress"
"""Of a connection: a future while the fragments of a message are sent, between which no other may stand; or None."""


def limit_messages(parser: Protocol, max_bytes: int) -> None:
    """From now on a larger message is closed with 1009, one that has begun too."""
    setattr(parser, MESSAGE_LIMIT, max_bytes)


def fragment_bytes(parser: Protocol) -> int:
    """The bytes of the complete fragments of a message that is not complete."""
    size: int | None = getattr(parser, MESSAGE_SIZE)
    return size or 0


def forget_fragments(parser: Protocol) -> None:
    """Count the message that is not complete no more: what comes of it is dropped."""
    setattr(parser, MESSAGE_SIZE, None)


def is_sending(connection: Connection) -> bool:
    """Whether the fragments of a message are being sent."""
    waiter: Any = getattr(connection, SEND_IN_PROGRESS)
    return waiter is not None
