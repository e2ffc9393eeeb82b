"""Pipes of messages: over a WebSocket, over ASGI, and between two ends in memory."""

from __future__ import annotations

from duologue.transports.base import Transport
from duologue.transports.memory import MemoryTransport, memory_pair

__all__ = ["MemoryTransport", "Transport", "memory_pair"]
