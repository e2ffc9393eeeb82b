"""What each replica puts between its sockets and Ray."""

from __future__ import annotations

from typing import Final

from duologue.transports.asgi import ASGIApplication, ASGIReceive, ASGISend, Scope

__all__ = ["NoClaimedAddresses", "OwnDisconnects"]

_HEADER: Final = b"x-request-disconnect-disabled"
"""By it a request tells Ray not to look for its end: https://docs.ray.io/en/latest/serve/http-guide.html"""

_CLAIM: Final = b"x-forwarded-for"


class NoClaimedAddresses:
    """Drops the address that a client claims to have, by which it would evade all limits on addresses.

    Ray's HAProxy passes it on as it came and adds none, and uvicorn believes it of a process on its own machine.
    """

    def __init__(self, app: ASGIApplication) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        if scope["type"] in ("http", "websocket"):
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != _CLAIM]}
        await self._app(scope, receive, send)


class OwnDisconnects:
    """Has Ray leave the messages of WebSockets to the application, which sees by itself when a client goes.

    Otherwise Ray reads them ahead into a queue without a bound: a client that sends faster than the server works would
    fill the memory, where its own socket should hold it up.
    """

    def __init__(self, app: ASGIApplication) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        if scope["type"] == "websocket":
            headers = [pair for pair in scope["headers"] if pair[0].lower() != _HEADER]
            scope = {**scope, "headers": [*headers, (_HEADER, b"?1")]}
        await self._app(scope, receive, send)
