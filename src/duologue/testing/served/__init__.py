"""A server for the length of a test, over a socket in a thread or in memory, with what its calls were; a telephone."""

from __future__ import annotations

from duologue.testing.served.app_in_memory import AppInMemory
from duologue.testing.served.asgi_socket import ASGIApplication, asgi_socket
from duologue.testing.served.call_tap import CallTap, TappedCall
from duologue.testing.served.phone_line import PhoneLine
from duologue.testing.served.realtime_server import Held, RealtimeServer, ServerThread
from duologue.testing.served.served_script import ServedScript

__all__ = [
    "ASGIApplication",
    "AppInMemory",
    "CallTap",
    "Held",
    "PhoneLine",
    "RealtimeServer",
    "ServedScript",
    "ServerThread",
    "TappedCall",
    "asgi_socket",
]
