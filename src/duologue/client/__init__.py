"""The client: a session over any transport, with typed events both ways."""

from __future__ import annotations

from duologue.client.connect import connect
from duologue.client.connection import Connection

__all__ = ["Connection", "connect"]
