"""How uvicorn is set up for an application, and the socket."""

from __future__ import annotations

import socket

import pytest

from duologue.errors import DuologueError
from duologue.protocol import SessionDefaults
from duologue.server import Limits, RealtimeApp
from duologue.server.run.edge import edge_config
from duologue.server.run.listening_socket import bind


async def _handler(*_: object) -> None:
    """Stands in front of the application."""


def test_the_limits_are_those_of_the_application() -> None:
    app = RealtimeApp(limits=Limits(frame_bytes=1234, ping_s=7), defaults=SessionDefaults(max_event_bytes=99))
    config = edge_config(app)
    assert (config.ws_max_size, config.ws_ping_interval, config.max_event_bytes) == (1234, 7, 99)
    assert (config.app, edge_config(app, handler=_handler).app) == (app, _handler)


def test_a_socket_sends_small_messages_at_once() -> None:
    with bind("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
        with pytest.raises(DuologueError, match=r"cannot listen on 127\.0\.0\.1"):
            bind("127.0.0.1", listening.getsockname()[1])


def test_a_port_that_cannot_be_is_refused() -> None:
    with pytest.raises(DuologueError, match="ports end at 65535"):
        bind("127.0.0.1", 65_536)
