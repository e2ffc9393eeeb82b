"""How handshakes of WebSockets are accepted and refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from duologue.codec import encode
from duologue.codec.jsontext import write_text
from duologue.errors import ConnectionClosed
from duologue.server.http.paths import PATH, right_path
from duologue.server.rejections import Rejection
from duologue.server.telemetry.log import log_event
from duologue.transports.asgi import ADMISSION, ASGIReceive, ASGISend, ASGITransport, Scope

__all__ = ["refuse", "send_refusal", "send_rejection", "send_wrong_path", "subprotocol_of"]

_SUBPROTOCOLS: Final = ("openai-live", "realtime")
"""Those that are accepted where clients offer them; the first one that is offered."""


def subprotocol_of(scope: Scope) -> str | None:
    """The sub-protocol that is accepted; None: no known one is offered."""
    offered = scope.get("subprotocols") or ()
    return next((name for name in _SUBPROTOCOLS if name in offered), None)


async def send_wrong_path(scope: Scope, send: ASGISend) -> None:
    """Refuse the handshake: under `duologue.server.serve` with HTTP 404 and a reason, else with a 403 that has none.

    uvicorn alone would send the 404 too, and log it as an error of the application.
    """
    rejection = Rejection("wrong_path", method="GET", path=scope["path"], websocket=right_path(scope))
    await send_refusal(rejection, scope, send, reason=f"the path is {PATH}")


async def send_refusal(rejection: Rejection, scope: Scope, send: ASGISend, *, reason: str | None = None) -> None:
    """Refuse the handshake with the rejection's HTTP status, or with 403 where the server in front sends no other.

    `reason` is what the application's own close says then; a client never sees it.
    """
    if not await _answered_with_status(rejection, scope, send):
        shown = rejection.close_reason if reason is None else reason
        await send({"type": "websocket.close", "code": rejection.close_code, "reason": shown})


async def _answered_with_status(rejection: Rejection, scope: Scope, send: ASGISend) -> bool:
    """Refuse the handshake with the HTTP status and a reason, if the server in front can send them."""
    if not {ADMISSION, "websocket.http.response"} <= set(scope.get("extensions") or ()):
        return False
    headers = [(b"content-type", b"application/json")]
    start = {"type": "websocket.http.response.start", "status": rejection.http_status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": write_text(rejection.body())})
    return True


async def refuse(rejection: Rejection, error: str, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
    """Refuse a client with the HTTP status of its handshake; where that cannot be sent, with the error and a close."""
    if {ADMISSION, "websocket.http.response"} <= set(scope.get("extensions") or ()):
        await receive()
        await _answered_with_status(rejection, scope, send)
        return
    transport = ASGITransport(receive, send)
    try:
        await transport.accept(subprotocol_of(scope))
        await transport.send(error)
        await transport.close(rejection.close_code, rejection.close_reason)
    except ConnectionClosed:
        log_event(logging.INFO, "client gone before its rejection", reason=rejection.name)


async def send_rejection(transport: ASGITransport, rejection: Rejection, *, new_id: Callable[[str], str]) -> None:
    """Send the error, and close."""
    try:
        await transport.send(encode(rejection.event(new_id("event"))).decode("utf-8"))
        await transport.close(rejection.close_code, rejection.close_reason)
    except ConnectionClosed:
        log_event(logging.INFO, "client gone before its rejection", reason=rejection.name)
