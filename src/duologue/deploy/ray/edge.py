"""Has the uvicorn of a replica, which is Ray's, hold connections as the server by itself does.

Ray starts uvicorn with its stock classes, and has no setting for others. For these each message of a call passes the
WebSocket library, a queue and a task, and what limits connections is HAProxy's alone. So this module names the server's
own class in the table in which uvicorn looks up what the name "auto" stands for.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final, cast

from duologue.deploy.ray.ingress import NoClaimedAddresses, OwnDisconnects
from duologue.errors import DuologueError
from duologue.server import RealtimeApp

if TYPE_CHECKING:
    import uvicorn
    from uvicorn.server import ServerState

    from duologue.server.run.connections import EdgeConfig
    from duologue.transports.asgi import ASGIApplication

__all__ = ["hold_connections"]

_NAME: Final = "auto"
"""The name that uvicorn looks up where its configuration names no class. Ray's names none."""

_TRUSTED: Final = "FORWARDED_ALLOW_IPS"
"""By it uvicorn is told of a proxy that says where callers are: one that stands in front of Ray's."""


def hold_connections(application: RealtimeApp) -> None:
    """Have each uvicorn that starts in this process hold its connections by the limits of this application, if it is
    told no class for them.

    Raises:
        DuologueError: the uvicorn that is installed does not look there.
    """
    import uvicorn.config

    connections = _Connections(application)
    try:
        protocols = cast("dict[str, Any]", uvicorn.config.HTTP_PROTOCOLS)
        protocols[_NAME] = connections.make
        probe = uvicorn.Config(application, lifespan="off", log_config=None, log_level=None)
        probe.load()
        held = cast("Any", probe.http_protocol_class) == connections.make
    except (AttributeError, TypeError):
        held = False
    if not held:
        raise DuologueError(
            f"uvicorn {uvicorn.__version__} does not take the server's own connections by the table that "
            "duologue.deploy.ray.edge knows: install the uvicorn of constraints.txt in the environment of Ray's nodes"
        )


class _Connections:
    """Those that come to the uvicorn of Ray, in the table of an application."""

    def __init__(self, application: RealtimeApp) -> None:
        self._application = application
        self._config: EdgeConfig | None = None

    def make(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """A new connection; uvicorn calls this in place of a class."""
        if self._config is None:
            self._config = _edge_of(self._application, config)
        return self._config.http_protocol_class(self._config, server_state, app_state, _loop)  # type: ignore[call-arg]


def _edge_of(application: RealtimeApp, rays: uvicorn.Config) -> EdgeConfig:
    """The server's configuration, in front of what Ray's uvicorn serves: it counts the sessions of a replica."""
    from duologue.server.run.edge import edge_config

    handler = OwnDisconnects(cast("ASGIApplication", rays.loaded_app))
    own = edge_config(application, handler=handler if _TRUSTED in os.environ else NoClaimedAddresses(handler))
    own.proxy_headers = False  # what Ray's uvicorn serves reads them
    own.root_path = rays.root_path
    # HAProxy keeps connections for as long as Ray tells it: one that ends before would break its next request.
    own.timeout_keep_alive = rays.timeout_keep_alive
    own.load()
    return own
