"""The server: an ASGI application that any realtime client can talk to, with speech engines behind it."""

from __future__ import annotations

from duologue.server.app import PATH, RealtimeApp, app
from duologue.server.running import serve, spare_the_collector
from duologue.server.session import ServerSession

__all__ = ["PATH", "RealtimeApp", "ServerSession", "app", "serve", "spare_the_collector"]
