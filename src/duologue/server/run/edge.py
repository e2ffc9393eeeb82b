"""How uvicorn is set up for a server."""

from __future__ import annotations

from typing import Any, Final

from duologue.server.app import RealtimeApp
from duologue.server.run.connections import Connections, EdgeConfig
from duologue.server.run.uvicorn_http import Requests
from duologue.server.run.uvicorn_websocket import Socket

__all__ = ["edge_config"]

_MAX_ACCEPTED: Final = 32
"""Connections that are accepted in one iteration of the event loop."""

_END_S: Final = 3
"""How long connections may take to close after their sessions: a round trip."""


def edge_config(application: RealtimeApp, *, handler: Any = None) -> EdgeConfig:
    """The configuration by the application's limits. `handler` is an ASGI application that stands in front of it."""
    limits = application.limits
    return EdgeConfig(
        application if handler is None else handler,
        edge=Connections(limits, turned_away=application.cut),
        max_event_bytes=application.defaults.max_event_bytes if application.upstream is None else None,
        http=Requests,
        ws=Socket,
        ws_max_size=limits.frame_bytes,
        ws_ping_interval=limits.ping_s,
        ws_ping_timeout=limits.ping_s,
        ws_per_message_deflate=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=_END_S,
        backlog=_MAX_ACCEPTED,
        # uvicorn's lifespan would end a failed start-up with sys.exit, and its reason only in a log.
        lifespan="off",
        log_config=None,
        # Below this level uvicorn logs queries, and the WebSocket library headers: both may have keys.
        log_level="warning",
        access_log=False,
    )
