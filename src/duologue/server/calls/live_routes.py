"""The HTTP routes of Live sessions over WebRTC: start one, fork one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from duologue.clock import unix_time
from duologue.protocol.media.live_line import LiveMediaLine
from duologue.server.calls.live_start import LiveStart, live_offer
from duologue.server.calls.offers import MAX_SDP_BYTES
from duologue.server.calls.served_call import ServedCall
from duologue.server.http.admission import peer_of
from duologue.server.http.answers import json_answer
from duologue.server.http.authentication import Principal
from duologue.server.http.bodies import json_object, read_body
from duologue.server.http.paths import LIVE_PATH, url_of
from duologue.server.open_sessions import Served
from duologue.server.rejections import Rejection
from duologue.server.session_start import LiveRequest
from duologue.transports import Transport

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp
    from duologue.server.http.routes import PageRow

__all__ = ["live_call_pages"]


def live_call_pages(app: RealtimeApp) -> tuple[PageRow, ...]:
    """The routes, without Azure's prefix."""

    async def start(request: Request) -> Response:
        return await made(request, LiveRequest())

    async def fork(request: Request) -> Response:
        return await made(request, LiveRequest(verb="fork", session_id=request.path_params["session_id"]))

    async def made(request: Request, wanted: LiveRequest) -> Response:
        try:
            return await _made(request, wanted, app)
        except Rejection as rejection:
            await app.reject(rejection, request.scope)
            raise

    return (("POST", LIVE_PATH, start), ("POST", f"{LIVE_PATH}/{{session_id}}/fork", fork))


async def _made(request: Request, wanted: LiveRequest, app: RealtimeApp) -> Response:
    app.admission.check_origin(request.scope)
    owner = await app.admission.live_owner_of(request.scope, now=unix_time(), unix_now_s=unix_time())
    stack = await app.calls.loaded_stack(websocket=request.scope.get("root_path", "") + LIVE_PATH)
    max_bytes = MAX_SDP_BYTES + app.limits.body_bytes
    content = await read_body(request, max_bytes=max_bytes)
    body = json_object(content, max_bytes=max_bytes, max_values=app.defaults.max_event_values)
    sdp, session = live_offer(body, is_fork=wanted.verb == "fork")
    place = await app.open_sessions.place(owner)
    held, share = ExitStack(), app.budget.share(owner)
    held.enter_context(place)
    held.callback(share.close)
    starts: list[LiveStart] = []
    call = ServedCall(
        call_id=app.calls.new_id(),
        principal=Principal(owner=owner),
        offer=sdp,
        peer=stack.new_peer(app.calls.settings),
        open_session=_open_session(app, request, wanted, owner, session, starts, held),
        new_id=app.new_id,
        line=LiveMediaLine(new_id=app.new_id),
        charge=share.charge,
        on_end=app.call_ended,
    )
    held.enter_context(app.open_sessions.counted(call, owner))
    answer = await app.calls.start(call, held)
    try:
        session_id = await starts[0].session_id()
    except Exception:
        await app.calls.hang_up(call)
        raise
    shown = {"session": {"id": session_id}, "transport": {"type": "webrtc", "sdp": answer}}
    return json_answer(shown, status=201)


def _open_session(
    app: RealtimeApp,
    request: Request,
    wanted: LiveRequest,
    owner: str,
    session: dict[str, Any],
    starts: list[LiveStart],
    held: ExitStack,
) -> Callable[[Transport], Awaitable[Served]]:
    async def open_session(transport: Transport) -> Served:
        tapped = app.tapped_session(url_of(request.scope))
        held.callback(tapped.close)
        tapped.about(family="live", subject=owner, medium="webrtc")
        observer = app.observer(tapped, address=peer_of(request.scope), owner=owner)
        starts.append(LiveStart(transport, session))
        return app.admit_live(wanted, tapped.around(starts[0]), owner, observer)

    return open_session
