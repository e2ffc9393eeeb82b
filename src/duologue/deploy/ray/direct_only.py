"""The server without the clients that Ray's own proxy passes on."""

from __future__ import annotations

import logging
from typing import Final

from starlette.requests import Request

from duologue.errors import ConnectionClosed
from duologue.server.http.answers import rejected
from duologue.server.http.handshakes import send_rejection, subprotocol_of
from duologue.server.http.paths import path_of
from duologue.server.ids import new_id
from duologue.server.rejections import Rejection
from duologue.server.telemetry.log import log_event
from duologue.transports.asgi import ADMISSION, ASGIApplication, ASGIReceive, ASGISend, ASGITransport, Scope

__all__ = ["DirectOnly"]

_READY: Final = "/readyz"


class DirectOnly:
    """Passes everything to the application but sessions and `/readyz` that come by Ray's own proxy.

    HAProxy uses that proxy while it knows no replica, at the start and after the last one has died, and a session that
    begins so stays on that way to its end. It is told to come again (1013): within a second HAProxy knows a replica.
    """

    def __init__(self, application: ASGIApplication, *, fallback_port: int) -> None:
        """`fallback_port` is where Ray's own proxy listens."""
        self._application = application
        self._fallback_port = fallback_port
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        kind = scope["type"]
        if not self._by_proxy(scope) or (kind == "http" and path_of(scope) != _READY):
            if kind == "websocket" and ADMISSION not in (scope.get("extensions") or {}):
                self._warn()
            await self._application(scope, receive, send)
            return
        rejection = Rejection("not_ready")
        if kind == "http":
            await (await rejected(Request(scope), rejection))(scope, receive, send)
            return
        log_event(logging.INFO, "turned away: Ray's own proxy passes it on, HAProxy knows no replica yet")
        transport = ASGITransport(receive, send)
        try:
            await transport.accept(subprotocol_of(scope))
        except ConnectionClosed:
            return
        await send_rejection(transport, rejection, new_id=new_id)

    def _warn(self) -> None:
        """Say once that `hold_connections` has had no effect, by a Ray that starts uvicorn in another way."""
        if not self._has_warned:
            self._has_warned = True
            log_event(logging.WARNING, "connections are Ray's: calls cost twice as much, and limits do not hold")

    def _by_proxy(self, scope: Scope) -> bool:
        _, port = scope.get("server") or ("", None)
        return scope["type"] in ("http", "websocket") and port == self._fallback_port
