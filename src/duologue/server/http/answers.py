"""Answers of the HTTP routes: JSON, and rejections as JSON."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from duologue.server.rejections import Rejection, error_body
from duologue.server.session_start import ConfigRejected
from duologue.tracebacks import drop_traceback

__all__ = ["config_rejected", "failed", "gone", "json_answer", "rejected"]


def json_answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer with this JSON."""
    # No cache may store an answer with a secret: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5
    always = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(msgspec.json.encode(body), status, headers={**always, **(headers or {})})


async def rejected(request: Request, fault: Exception) -> Response:
    """The answer of a `Rejection`."""
    assert isinstance(fault, Rejection)
    drop_traceback(fault)  # early versions of Starlette leave it: its frames hold the request and the call
    headers = {
        401: {"www-authenticate": "Bearer"},
        426: {"upgrade": "websocket"},
        429: {"retry-after": "60"},
        503: {"retry-after": "5"},
    }
    return json_answer(fault.body(), status=fault.http_status, headers=headers.get(fault.http_status))


async def config_rejected(request: Request, fault: Exception) -> Response:
    """The answer of a `ConfigRejected`."""
    assert isinstance(fault, ConfigRejected)
    drop_traceback(fault)
    return json_answer(error_body(fault.error), status=400)


async def gone(request: Request, fault: Exception) -> Response:
    """The client has disconnected, or was cut, in the middle of its request: nothing is sent any more."""
    drop_traceback(fault)
    return json_answer(Rejection("request_late").body(), status=408)


async def failed(request: Request, fault: Exception) -> Response:
    """The answer to a request at which the server broke."""
    return json_answer(Rejection("broken").body(), status=500)
