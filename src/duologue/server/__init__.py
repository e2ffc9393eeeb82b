"""The server: an ASGI application that any realtime client can talk to, with speech engines behind it."""

from __future__ import annotations

from duologue.server.app import PATH, RealtimeApp, app
from duologue.server.limits import Limits, limits_of
from duologue.server.observing import Observer, SessionObserver
from duologue.server.running import serve
from duologue.server.session import ServerSession
from duologue.server.tls import tls_context

__all__ = [
    "PATH",
    "Limits",
    "Observer",
    "RealtimeApp",
    "ServerSession",
    "SessionObserver",
    "app",
    "limits_of",
    "serve",
    "tls_context",
]
