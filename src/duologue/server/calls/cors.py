"""CORS for the paths of calls: pages are nearly always of another origin than the server that they call.

Other paths have none: client secrets are made by servers, and WebSockets need no permission of this kind.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Final

from duologue.server.http.answers import json_answer
from duologue.server.http.auth import header
from duologue.server.http.paths import AZURE, CALLS_PATH, PATH, path_of
from duologue.server.rejections import Rejection
from duologue.transports.asgi import ASGIReceive, ASGISend, Scope

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from duologue.server.app import RealtimeApp

__all__ = ["Cors"]

_PATHS: Final = re.compile(rf"(?:{AZURE})?(?:{PATH}|{CALLS_PATH}(?:/[^/]{{1,128}}/hangup)?)")

_HEADER_NAMES: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*", re.ASCII)

_MAX_NAMES_CHARACTERS: Final = 1024
"""What a preflight may ask for. The official package asks for three names."""

_MAX_AGE_S: Final = 600
"""How long a browser remembers a preflight. Origins change when the server starts again with others."""


class Cors:
    """Answers preflights of allowed origins, and lets their pages read what the site behind it answers, errors too."""

    def __init__(self, site: ASGIApp, app: RealtimeApp) -> None:
        self._site = site
        self._app = app

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point, for HTTP."""
        origin = header(scope, "origin")
        if origin is None or not _PATHS.fullmatch(path_of(scope)):
            await self._site(scope, receive, send)
            return
        allowed = self._app.admission.allows(origin)
        if scope["method"] == "OPTIONS" and header(scope, "access-control-request-method") is not None:
            await self._answer_preflight(scope, receive, send, allowed=allowed)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"vary", b"Origin")]
                if allowed:
                    headers += [*_allowed(origin), (b"access-control-expose-headers", b"Location")]
                message = {**message, "headers": headers}
            await send(message)

        await self._site(scope, receive, send_with_headers)

    async def _answer_preflight(self, scope: Scope, receive: ASGIReceive, send: ASGISend, *, allowed: bool) -> None:
        if not allowed:
            rejection = Rejection("origin")
            await self._app.reject(rejection, scope)
            await json_answer(rejection.body(), status=rejection.http_status)(scope, receive, send)
            return
        asked = header(scope, "access-control-request-headers") or ""
        headers = [
            *_allowed(header(scope, "origin") or ""),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-max-age", str(_MAX_AGE_S).encode("ascii")),
            (b"vary", b"Origin, Access-Control-Request-Headers"),
        ]
        if len(asked) <= _MAX_NAMES_CHARACTERS and _HEADER_NAMES.fullmatch(asked):
            headers.append((b"access-control-allow-headers", asked.encode("ascii")))
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _allowed(origin: str) -> list[tuple[bytes, bytes]]:
    # The origin itself and not `*`: the answer differs by it, and browsers take both.
    return [(b"access-control-allow-origin", origin.encode("latin-1"))]
