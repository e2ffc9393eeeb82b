"""What is legal now, and what it means: both sides of the protocol as objects without I/O, clock or task.

A side is driven with a handful of verbs. Messages and reports go in together with `now`; events to send come out. The
same objects serve the asyncio shells, the in-memory pair of the tests, and anybody's own loop.
"""

from __future__ import annotations

from duologue.protocol.client import ClientProtocol
from duologue.protocol.commands import Close, Command, Detect, Respond, StopResponse, Transcribe
from duologue.protocol.server import ServerProtocol
from duologue.protocol.session import SessionDefaults

__all__ = [
    "ClientProtocol",
    "Close",
    "Command",
    "Detect",
    "Respond",
    "ServerProtocol",
    "SessionDefaults",
    "StopResponse",
    "Transcribe",
]
