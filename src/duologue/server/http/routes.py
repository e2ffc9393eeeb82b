"""The HTTP routes: client secrets, models, health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from duologue.clock import unix_time
from duologue.codec import decode, encode, translate
from duologue.codec.problems import read_problem
from duologue.events import RealtimeError, SessionUpdatedEvent, SessionUpdateEvent, UnknownRealtimeEvent
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import check_depth, check_frame
from duologue.server.http.client_secrets import ClientSecret
from duologue.server.http.paths import AZURE, LIVE_PATH, TRANSLATION_PATH, right_path
from duologue.server.rejections import Rejection, error_body
from duologue.server.relay.session_config import without_keys
from duologue.server.session_start import ConfigRejected, SessionStart, session_start_for, validate_config
from duologue.server.telemetry.metrics import Metrics
from duologue.server.translation.session_config import translation_start

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["pages"]

_MIN_LIFE_S: Final = 10
_MAX_LIFE_S: Final = 7200
_LIFE_S: Final = 600
_BETA_LIFE_S: Final = 60
"""The life of a client secret, as at the hosted service: 10 s to 2 h, by default 10 min, and 1 min in the beta."""

_BETA: Final = "openai-beta"

_Page = Callable[[Request], Awaitable[Response]]

_LIVE: Final = (
    ("POST", "", "no_webrtc"),
    ("POST", "/{session_id}/fork", "no_webrtc"),
    *(("POST", f"/{{session_id}}/{verb}", "no_telephone") for verb in ("accept", "reject", "refer", "hangup")),
    ("GET", "/{session_id}/content", "no_live_recording"),
    *(("GET", where, "no_upgrade") for where in ("", "/{session_id}/attach", "/{session_id}/fork")),
)
"""Requests for Live sessions by HTTP, below `LIVE_PATH`, and their rejections: here sessions are WebSockets alone."""


def pages(app: RealtimeApp, *, path: str, metrics: Metrics) -> Starlette:
    """All routes of the application; `path` is that of its WebSocket."""

    def unkeyed(page: _Page) -> _Page:
        """A page without a key: supervisors have none."""
        return page

    def keyed(page: _Page) -> _Page:
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

    def new_secret(session_start: SessionStart, request: Request, lives_s: int) -> ClientSecret:
        """A new secret, and a timer that drops it when it has expired."""
        secret = app.secrets.make(session_start, owner=request.state.owner, lives_s=lives_s, unix_now_s=unix_time())
        asyncio.get_running_loop().call_later(lives_s + 1, lambda: app.secrets.drop_expired(unix_time()))
        return secret

    async def client_secrets(request: Request) -> Response:
        body = await _body(request, app)
        lives_s = _life_s(body, "expires_after", default=_LIFE_S)
        update = _update(body.get("session", {"type": "realtime"}), "openai")
        session_start, shown = _prepared(update, "openai", app)
        secret = new_secret(session_start, request, lives_s)
        return _json({"value": secret.value, "expires_at": secret.expires_at, "session": shown})

    async def translation_secrets(request: Request) -> Response:
        body = await _body(request, app)
        lives_s = _life_s(body, "expires_after", default=_LIFE_S)
        session_start, shown = translation_start(body.get("session"), app.defaults)
        if session_start.model is not None and not app.serves(session_start.model):
            raise Rejection("wrong_model", model=session_start.model)
        secret = new_secret(session_start, request, lives_s)
        return _json({"value": secret.value, "expires_at": secret.expires_at, "session": shown})

    async def beta_sessions(request: Request) -> Response:
        body = await _body(request, app)
        lives_s = _life_s(body.pop("client_secret", None) or {}, "expires_after", default=_BETA_LIFE_S)
        session_start, shown = _prepared(_update(body, _BETA), _BETA, app)
        secret = new_secret(session_start, request, lives_s)
        return _json({**shown, "client_secret": {"value": secret.value, "expires_at": secret.expires_at}})

    async def models(request: Request) -> Response:
        return _json({"object": "list", "data": [_model(name, app) for name in app.model_names]})

    async def one_model(request: Request) -> Response:
        name: str = request.path_params["name"]
        if not app.serves(name):
            raise Rejection("wrong_model", model=name)
        return _json(_model(name, app))

    async def voices(request: Request) -> Response:
        await app.engine_faults()  # services are asked for their voices by the way
        return _json(app.voices())

    async def alive(request: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(request: Request) -> Response:
        if app.draining or not app.ready:
            return _json({"status": "draining" if app.draining else "loading"}, status=503)
        if faults := await app.engine_faults():
            # Why stands in the log: addresses and what the services say are not for everybody who can reach this page.
            return _json({"status": "engines", "engines": dict.fromkeys(faults, "not reachable")}, status=503)
        return _json({"status": "ok", "sessions": app.sessions_open})

    async def figures(request: Request) -> Response:
        content, content_type = metrics.page()
        return Response(content, headers={"content-type": content_type})

    async def no_upgrade(request: Request) -> Response:
        raise Rejection("no_upgrade")

    async def not_found(request: Request, fault: Exception) -> Response:
        """An unknown path (404), or a method that the path does not support (405)."""
        assert isinstance(fault, HTTPException)
        name = "wrong_method" if fault.status_code == 405 else "wrong_path"
        websocket = right_path(request.scope)
        rejection = Rejection(name, method=request.method, path=request.url.path, websocket=websocket)
        return _json(rejection.body(), status=fault.status_code, headers=dict(fault.headers or {}))

    def refusing(name: str) -> _Page:
        async def refuse(request: Request) -> Response:
            raise Rejection(name, websocket=request.scope.get("root_path", "") + LIVE_PATH)

        return unkeyed(refuse) if name == "no_upgrade" else keyed(refuse)

    hosted: tuple[tuple[str, str, _Page], ...] = (
        ("POST", f"{path}/client_secrets", keyed(client_secrets)),
        ("POST", f"{path}/sessions", keyed(beta_sessions)),
        ("POST", f"{TRANSLATION_PATH}/client_secrets", keyed(translation_secrets)),
        ("GET", TRANSLATION_PATH, unkeyed(no_upgrade)),
        ("GET", "/v1/models", keyed(models)),
        ("GET", "/v1/models/{name:path}", keyed(one_model)),
        ("GET", "/v1/audio/voices", keyed(voices)),
        ("GET", path, unkeyed(no_upgrade)),
        *((method, f"{LIVE_PATH}{where}", refusing(name)) for method, where, name in _LIVE),
    )
    table: tuple[tuple[str, str, _Page], ...] = (
        *hosted,
        *((method, f"{AZURE}{where}", page) for method, where, page in hosted),
        ("GET", "/metrics", keyed(figures)),
        ("GET", "/healthz", unkeyed(alive)),
        ("GET", "/readyz", unkeyed(ready)),
    )
    site = Starlette(
        routes=[Route(where, page, methods=[method]) for method, where, page in table],
        exception_handlers={
            HTTPException: not_found,
            Rejection: _rejected,
            ConfigRejected: _config_rejected,
            ClientDisconnect: _gone,
            500: _failed,
        },
    )
    # A redirect would go to any host that the request names, and have the key sent twice.
    site.router.redirect_slashes = False
    return site


# --- bodies


async def _body(request: Request, app: RealtimeApp) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object. Reads no more than the limit.

    Raises:
        ConfigRejected: the object exceeds a limit of events.
        Rejection: the body is too large, or is not a JSON object.
    """
    content, max_bytes = bytearray(), app.limits.body_bytes
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            content += piece
            if len(content) > max_bytes:
                raise Rejection("too_large", max_bytes=max_bytes)
    try:
        text = content.decode("utf-8") or "{}"
        # Also for short bodies: unlike appends, requests are rare.
        check_frame(text, max_bytes=max_bytes, max_values=app.defaults.max_event_values)
        check_depth(text)
        body = msgspec.json.decode(text)
    except InvalidRequest as invalid:
        # The same limits as in a session, answered with HTTP.
        raise ConfigRejected(_error(invalid)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise Rejection("not_json") from fault
    if not isinstance(body, dict):
        raise Rejection("not_json")
    return body


def _life_s(body: dict[str, Any], name: str, *, default: int) -> int:
    """The requested life of a secret in seconds. Raises ConfigRejected."""
    after = body.get(name)
    if after is None:
        return default
    if not isinstance(after, dict):
        raise _wrong(name, "expected an object")
    if after.get("anchor", "created_at") != "created_at":
        raise _wrong(f"{name}.anchor", "expected 'created_at'")
    seconds = after.get("seconds", default)
    if type(seconds) is not int or not _MIN_LIFE_S <= seconds <= _MAX_LIFE_S:
        raise _wrong(f"{name}.seconds", f"expected a whole number from {_MIN_LIFE_S} to {_MAX_LIFE_S}")
    return seconds


def _update(session: Any, dialect: str) -> SessionUpdateEvent:
    """The configuration as a `session.update`. Raises ConfigRejected."""
    event = decode(msgspec.json.encode({"type": "session.update", "session": session}), dialect=dialect)
    if isinstance(event, SessionUpdateEvent):
        if dialect != "openai":
            # Settings without a canonical form belong to models that are gone, such as `temperature`.
            frame = translate(event, dialect="openai").frame
            if frame is None:
                raise _wrong("type", "expected 'realtime' or 'transcription'")
            event = decode(msgspec.json.encode(frame))
        if isinstance(event, SessionUpdateEvent):
            return event
    assert isinstance(event, UnknownRealtimeEvent), event
    problem = read_problem(event.problem)
    raise ConfigRejected(
        _error(
            InvalidRequest("missing", param=problem.path)
            if problem.missing
            else InvalidRequest("wrong_type", param=problem.path, expected=problem.expected, got=problem.got)
        )
    )


def _prepared(update: SessionUpdateEvent, dialect: str, app: RealtimeApp) -> tuple[SessionStart, dict[str, Any]]:
    """The start of a session with this configuration, and its JSON. Raises ConfigRejected and Rejection."""
    if app.upstream is None:
        session_start, session = validate_config(update, app.defaults)
        shown = _shown(SessionUpdatedEvent(event_id=app.new_id("event"), session=session), dialect)
    else:
        # The rest of the session, and whether it accepts this, is known when the upstream is opened.
        session_start, requested = session_start_for(update), _shown(update, dialect)
        kind = "realtime.session" if session_start.kind == "realtime" else "realtime.transcription_session"
        shown = without_keys({"object": kind, "id": app.new_id("sess"), **requested})
    if session_start.model is not None and not app.serves(session_start.model):
        raise Rejection("wrong_model", model=session_start.model)
    return session_start, shown


def _wrong(param: str, reason: str) -> ConfigRejected:
    return ConfigRejected(_error(InvalidRequest("wrong_value", param=param, reason=reason)))


def _error(invalid: InvalidRequest) -> RealtimeError:
    return invalid.event("", answers=None).error


# --- answers


def _shown(event: SessionUpdatedEvent | SessionUpdateEvent, dialect: str) -> dict[str, Any]:
    """The JSON of an event's session in a dialect."""
    frame = translate(event, dialect=dialect).frame if dialect != "openai" else msgspec.json.decode(encode(event))
    assert frame is not None
    shown: dict[str, Any] = frame["session"]
    return shown


def _model(name: str, app: RealtimeApp) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": app.created_at, "owned_by": "duologue"}


def _json(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    # No cache may store an answer with a secret: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5
    always = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(msgspec.json.encode(body), status, headers={**always, **(headers or {})})


async def _rejected(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Rejection)
    headers = {
        401: {"www-authenticate": "Bearer"},
        426: {"upgrade": "websocket"},
        429: {"retry-after": "60"},
        503: {"retry-after": "5"},
    }
    return _json(fault.body(), status=fault.http_status, headers=headers.get(fault.http_status))


async def _config_rejected(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, ConfigRejected)
    return _json(error_body(fault.error), status=400)


async def _gone(request: Request, fault: Exception) -> Response:
    """The client has disconnected, or was cut, in the middle of its request: nothing is sent any more."""
    return _json(Rejection("request_late").body(), status=408)


async def _failed(request: Request, fault: Exception) -> Response:
    return _json(Rejection("broken").body(), status=500)
