"""duologue: typed realtime voice: events, client, server and test bench. `docs/architecture.md` shows how it is built."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from duologue import events
from duologue.codec import decode, encode
from duologue.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    DecodeError,
    DuologueError,
)
from duologue.events import UNSET, RealtimeEvent, UnknownRealtimeEvent

if TYPE_CHECKING:
    from duologue import blocking
    from duologue.client import Connection, Conversation, connect, converse

__version__ = "0.1.0"

__all__ = [
    "UNSET",
    "ConnectFailed",
    "Connection",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Conversation",
    "DecodeError",
    "DuologueError",
    "RealtimeEvent",
    "UnknownRealtimeEvent",
    "__version__",
    "blocking",
    "connect",
    "converse",
    "decode",
    "encode",
    "events",
]

_CLIENT = frozenset({"Connection", "Conversation", "connect", "converse"})


def __getattr__(name: str) -> Any:
    # The client brings asyncio and a WebSocket library along: programs that only read events do without.
    if name in _CLIENT:
        return getattr(import_module("duologue.client"), name)
    if name == "blocking":
        return import_module("duologue.blocking")
    raise AttributeError(f"module 'duologue' has no attribute {name!r}")
