"""The page's address, its files, and the question whether the server lets a page in.

The page holds no right of its own: it is the same for everyone, has no secret, and asks for sessions as any other
client does, with a key that its user types or without. So it may be served to whom the server is served.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from duologue.clock import unix_time
from duologue.codec.jsontext import write_text
from duologue.server.rejections import Rejection
from duologue.server.talk.address import TALK_PATH

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["talk_routes"]

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), autoplay=(self), camera=(), geolocation=(), display-capture=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""No script of another origin runs, and no page of another site shows it in a frame: the browser may have given it the
microphone."""


def talk_routes(app: RealtimeApp) -> list[Route]:
    """The routes of the page; all are below `TALK_PATH`."""
    answers = _answers()

    def serving(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return answers[name]

        return serve

    async def without_slash(request: Request) -> Response:
        """The page's own addresses are relative to its folder."""
        return RedirectResponse("../talk", 308, headers=_HEADERS)

    async def access(request: Request) -> Response:
        """Whether the page may open a session: what a refused WebSocket cannot tell a page."""
        try:
            app.admission.check_origin(request.scope)
            needs_key = app.admission.lacks_key(request.scope)
            if not needs_key:
                await app.admission.principal_of(request.scope, unix_now_s=unix_time())
        except Rejection as rejection:
            await app.reject(rejection, request.scope)
            raise
        body = {"needs_key": needs_key, "models": list(app.required_models)}
        return Response(write_text(body), headers={**_HEADERS, "content-type": "application/json"})

    return [
        Route(TALK_PATH, serving("page.html"), methods=["GET"]),
        Route(f"{TALK_PATH}/", without_slash, methods=["GET"]),
        Route(f"{TALK_PATH}/access", access, methods=["POST"]),
        *(Route(f"{TALK_PATH}/{name}", serving(name), methods=["GET"]) for name in answers if name != "page.html"),
    ]


def _answers() -> dict[str, Response]:
    """The page's files by their names; the colours are those of the page of a call."""
    folders = (files("duologue.server.talk"), files("duologue.inspection.page"))
    own, shared = (folder / "assets" for folder in folders)
    found = {each.name: each.read_bytes() for each in own.iterdir() if each.name.rpartition(".")[2] in _TYPES}
    found["colours.css"] = (shared / "colours.css").read_bytes()
    return {
        name: Response(content, headers={**_HEADERS, "content-type": _TYPES[name.rpartition(".")[2]]})
        for name, content in found.items()
    }
