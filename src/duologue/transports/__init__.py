"""What carries messages: a WebSocket, ASGI, or a pair in memory."""

from __future__ import annotations

from duologue.transports.base import Transport
from duologue.transports.memory import MemoryTransport, memory_pair

__all__ = ["MemoryTransport", "Transport", "memory_pair"]
