"""The HTTP routes: client secrets, models, health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.clock import unix_time
from duologue.printable import printable_name
from duologue.server.http.answers import config_rejected, failed, gone, json_answer, rejected
from duologue.server.http.bodies import read_object
from duologue.server.http.client_secrets import ClientSecret
from duologue.server.http.paths import AZURE, LIVE_PATH, TRANSLATION_PATH, right_path
from duologue.server.http.session_bodies import prepared, session_update, wrong_value
from duologue.server.open_sessions import DRAIN_MANNERS
from duologue.server.rejections import Rejection
from duologue.server.session_start import ConfigRejected, SessionStart
from duologue.server.telemetry.metrics import Metrics
from duologue.server.translation.session_config import translation_start

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["Page", "PageRow", "pages"]

_MIN_LIFE_S: Final = 10
_MAX_LIFE_S: Final = 7200
_LIFE_S: Final = 600
_BETA_LIFE_S: Final = 60
"""The life of a client secret, as at the hosted service: 10 s to 2 h, by default 10 min, and 1 min in the beta."""

_BETA: Final = "openai-beta"

Page: TypeAlias = Callable[[Request], Awaitable[Response]]

PageRow: TypeAlias = tuple[str, str, Page]
"""A method, a path and the page there. Rejections that a page raises are answered."""

_LIVE: Final = (
    *(("POST", f"/{{session_id}}/{verb}", "no_telephone") for verb in ("accept", "reject", "refer", "hangup")),
    ("GET", "/{session_id}/content", "no_live_recording"),
    *(("GET", where, "no_upgrade") for where in ("", "/{session_id}/attach", "/{session_id}/fork")),
)
"""Requests for Live sessions by HTTP, below `LIVE_PATH`, and their rejections."""


def pages(app: RealtimeApp, *, path: str, metrics: Metrics, more: Sequence[PageRow] = ()) -> Starlette:
    """All routes of the application and `more`; `path` is that of its WebSocket."""

    def unkeyed(page: Page) -> Page:
        """A page without a key: supervisors have none."""
        return page

    def keyed(page: Page) -> Page:
        @wraps(page)
        async def checked(request: Request) -> Response:
            try:
                app.admission.check_origin(request.scope)
                request.state.owner = app.admission.owner_of(request.scope)
            except Rejection as rejection:
                await app.reject(rejection, request.scope)
                raise
            return await page(request)

        return checked

    async def new_secret(session_start: SessionStart, request: Request, lives_s: int) -> ClientSecret:
        """A new secret, and a timer that drops it when it has expired."""
        owner: str = request.state.owner
        secret = await app.secrets.make(session_start, owner=owner, lives_s=lives_s, unix_now_s=unix_time())
        asyncio.get_running_loop().call_later(lives_s + 1, lambda: app.secrets.drop_expired(unix_time()))
        return secret

    async def client_secrets(request: Request) -> Response:
        body = await read_object(request, app)
        lives_s = _life_s(body, "expires_after", default=_LIFE_S)
        update = session_update(body.get("session", {"type": "realtime"}), "openai")
        session_start, shown = prepared(update, "openai", app)
        secret = await new_secret(session_start, request, lives_s)
        return json_answer({"value": secret.value, "expires_at": secret.expires_at, "session": shown})

    async def translation_secrets(request: Request) -> Response:
        body = await read_object(request, app)
        lives_s = _life_s(body, "expires_after", default=_LIFE_S)
        session_start, shown = translation_start(body.get("session"), app.defaults)
        if session_start.model is not None and not app.serves(session_start.model):
            raise Rejection("wrong_model", model=session_start.model)
        secret = await new_secret(session_start, request, lives_s)
        return json_answer({"value": secret.value, "expires_at": secret.expires_at, "session": shown})

    async def beta_sessions(request: Request) -> Response:
        body = await read_object(request, app)
        lives_s = _life_s(body.pop("client_secret", None) or {}, "expires_after", default=_BETA_LIFE_S)
        session_start, shown = prepared(session_update(body, _BETA), _BETA, app)
        secret = await new_secret(session_start, request, lives_s)
        return json_answer({**shown, "client_secret": {"value": secret.value, "expires_at": secret.expires_at}})

    async def models(request: Request) -> Response:
        return json_answer({"object": "list", "data": [_model(name, app) for name in app.model_names]})

    async def one_model(request: Request) -> Response:
        name: str = request.path_params["name"]
        if not app.serves(name):
            raise Rejection("wrong_model", model=name)
        return json_answer(_model(name, app))

    async def voices(request: Request) -> Response:
        await app.engine_faults()  # services are asked for their voices by the way
        return json_answer(app.voices())

    async def alive(request: Request) -> Response:
        return json_answer({"status": "ok"})

    async def ready(request: Request) -> Response:
        if not app.serving:
            return json_answer({"status": "draining" if app.draining else "loading"}, status=503)
        if faults := await app.engine_faults():
            # Why stands in the log: addresses and what the services say are not for all who can reach this page.
            return json_answer({"status": "engines", "engines": dict.fromkeys(faults, "not reachable")}, status=503)
        if await app.store.fault() is not None:
            return json_answer({"status": "store", "store": "not reachable"}, status=503)
        return json_answer({"status": "ok", "sessions": app.sessions_open})

    async def figures(request: Request) -> Response:
        content, content_type = metrics.page() if app.supervisor is None else await app.supervisor.figures()
        return Response(content, headers={"content-type": content_type})

    async def drain(request: Request) -> Response:
        try:
            app.admission.check_origin(request.scope)
            app.admission.check_drain(request.scope)
        except Rejection as rejection:
            await app.reject(rejection, request.scope)
            raise
        manner = request.query_params.get("manner")
        if manner is not None and manner not in DRAIN_MANNERS:
            raise Rejection("wrong_manner", manner=printable_name(manner), known=", ".join(DRAIN_MANNERS))
        app.request_drain(manner)
        return json_answer({"status": "draining"}, status=202)

    async def no_upgrade(request: Request) -> Response:
        raise Rejection("no_upgrade")

    async def not_found(request: Request, fault: Exception) -> Response:
        """An unknown path (404), or a method that the path does not support (405)."""
        assert isinstance(fault, HTTPException)
        name = "wrong_method" if fault.status_code == 405 else "wrong_path"
        websocket = right_path(request.scope)
        rejection = Rejection(name, method=request.method, path=request.url.path, websocket=websocket)
        return json_answer(rejection.body(), status=fault.status_code, headers=dict(fault.headers or {}))

    def refusing(name: str) -> Page:
        async def refuse(request: Request) -> Response:
            raise Rejection(name, websocket=request.scope.get("root_path", "") + LIVE_PATH)

        return unkeyed(refuse) if name == "no_upgrade" else keyed(refuse)

    hosted: tuple[PageRow, ...] = (
        ("POST", f"{path}/client_secrets", keyed(client_secrets)),
        ("POST", f"{path}/sessions", keyed(beta_sessions)),
        ("POST", f"{TRANSLATION_PATH}/client_secrets", keyed(translation_secrets)),
        ("GET", TRANSLATION_PATH, unkeyed(no_upgrade)),
        ("GET", "/v1/models", keyed(models)),
        ("GET", "/v1/models/{name:path}", keyed(one_model)),
        ("GET", "/v1/audio/voices", keyed(voices)),
        ("GET", path, unkeyed(no_upgrade)),
        *((method, f"{LIVE_PATH}{where}", refusing(name)) for method, where, name in _LIVE),
        *more,
    )
    table: tuple[PageRow, ...] = (
        *hosted,
        *((method, f"{AZURE}{where}", page) for method, where, page in hosted),
        ("GET", "/metrics", keyed(figures)),
        ("POST", "/v1/admin/drain", drain),
        ("GET", "/healthz", unkeyed(alive)),
        ("GET", "/readyz", unkeyed(ready)),
    )
    site = Starlette(
        routes=[Route(where, page, methods=[method]) for method, where, page in table],
        exception_handlers={
            HTTPException: not_found,
            Rejection: rejected,
            ConfigRejected: config_rejected,
            ClientDisconnect: gone,
            500: failed,
        },
    )
    # A redirect would go to any host that the request names, and have the key sent twice.
    site.router.redirect_slashes = False
    return site


def _life_s(body: dict[str, Any], name: str, *, default: int) -> int:
    """The requested life of a secret in seconds. Raises ConfigRejected."""
    after = body.get(name)
    if after is None:
        return default
    if not isinstance(after, dict):
        raise wrong_value(name, "expected an object")
    if after.get("anchor", "created_at") != "created_at":
        raise wrong_value(f"{name}.anchor", "expected 'created_at'")
    seconds = after.get("seconds", default)
    if type(seconds) is not int or not _MIN_LIFE_S <= seconds <= _MAX_LIFE_S:
        raise wrong_value(f"{name}.seconds", f"expected a whole number from {_MIN_LIFE_S} to {_MAX_LIFE_S}")
    return seconds


def _model(name: str, app: RealtimeApp) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": app.created_at, "owned_by": "duologue"}
