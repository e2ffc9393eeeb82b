"""How uvicorn is set up for an application."""

from __future__ import annotations

from duologue.protocol import SessionDefaults
from duologue.server import Limits, RealtimeApp
from duologue.server.run.edge import edge_config


async def _handler(*_: object) -> None:
    """Stands in front of the application."""


def test_the_limits_are_those_of_the_application() -> None:
    app = RealtimeApp(limits=Limits(frame_bytes=1234, ping_s=7), defaults=SessionDefaults(max_event_bytes=99))
    config = edge_config(app)
    assert (config.ws_max_size, config.ws_ping_interval, config.max_event_bytes) == (1234, 7, 99)
    assert (config.app, edge_config(app, handler=_handler).app) == (app, _handler)
