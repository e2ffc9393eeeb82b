"""The server: an ASGI application that any realtime client can talk to, with speech engines behind it."""

from __future__ import annotations

from duologue.server.app import RealtimeApp, app
from duologue.server.descriptors import raise_descriptor_limit
from duologue.server.limits import Limits, limits_of
from duologue.server.mcp import McpAccess
from duologue.server.observing import Observer, SessionObserver
from duologue.server.opening import Opening
from duologue.server.paths import PATH
from duologue.server.relay import Relay
from duologue.server.running import loop_factory, serve, spare_the_collector
from duologue.server.session import ServerSession
from duologue.server.tls import tls_context
from duologue.server.upstream import OpenUpstream, Upstream

__all__ = [
    "PATH",
    "Limits",
    "McpAccess",
    "Observer",
    "OpenUpstream",
    "Opening",
    "RealtimeApp",
    "Relay",
    "ServerSession",
    "SessionObserver",
    "Upstream",
    "app",
    "limits_of",
    "loop_factory",
    "raise_descriptor_limit",
    "serve",
    "spare_the_collector",
    "tls_context",
]
