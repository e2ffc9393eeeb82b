"""Bodies of requests, read no further than their limit."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request

from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import check_depth, check_frame
from duologue.server.rejections import Rejection
from duologue.server.session_start import ConfigRejected

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["json_object", "read_body", "read_object"]


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """The request's body. Raises Rejection: it is larger."""
    content = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            content += piece
            if len(content) > max_bytes:
                raise Rejection("too_large", max_bytes=max_bytes)
    return bytes(content)


async def read_object(request: Request, app: RealtimeApp) -> dict[str, Any]:
    """The request's JSON object, within the server's limits; an empty body is an empty object.

    Raises:
        ConfigRejected: the object exceeds a limit of events.
        Rejection: the body is too large, or is not a JSON object.
    """
    max_bytes = app.limits.body_bytes
    content = await read_body(request, max_bytes=max_bytes)
    return json_object(content or b"{}", max_bytes=max_bytes, max_values=app.defaults.max_event_values)


def json_object(content: bytes, *, max_bytes: int, max_values: int) -> dict[str, Any]:
    """A JSON object of a request.

    Raises:
        ConfigRejected: the object exceeds a limit of events.
        Rejection: this is not a JSON object.
    """
    try:
        text = content.decode("utf-8")
        # Also for short bodies: unlike appends, requests are rare.
        check_frame(text, max_bytes=max_bytes, max_values=max_values)
        check_depth(text)
        body = msgspec.json.decode(text)
    except InvalidRequest as invalid:
        # The same limits as in a session, answered with HTTP.
        raise ConfigRejected(invalid.event("", answers=None).error) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Rejection("not_json") from fault
    if not isinstance(body, dict):
        raise Rejection("not_json")
    return body
