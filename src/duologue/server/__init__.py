"""The server: an ASGI application that any realtime client can talk to, with speech engines behind it."""

from __future__ import annotations

from duologue.server.app import PATH, RealtimeApp, app
from duologue.server.relay import Relay
from duologue.server.running import serve, spare_the_collector
from duologue.server.session import ServerSession
from duologue.server.upstream import OpenUpstream, Upstream

__all__ = [
    "PATH",
    "OpenUpstream",
    "RealtimeApp",
    "Relay",
    "ServerSession",
    "Upstream",
    "app",
    "serve",
    "spare_the_collector",
]
