"""The HTTP routes of calls: make one, hang it up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial, wraps
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from duologue.clock import unix_time
from duologue.printable import printable_name
from duologue.server.calls.incoming_call import IncomingCall
from duologue.server.calls.offers import combined_start, read_offer
from duologue.server.calls.served_call import ServedCall
from duologue.server.calls.served_calls import closed_on_fault
from duologue.server.calls.upstreams import opened
from duologue.server.http.admission import peer_of
from duologue.server.http.authentication import Principal
from duologue.server.http.paths import AZURE, CALLS_PATH, PATH, path_of, right_path, url_of
from duologue.server.open_sessions import Served
from duologue.server.rejections import Rejection
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import SessionStart
from duologue.transports import Transport
from duologue.transports.webrtc.peer import Peer

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp
    from duologue.server.http.routes import PageRow

__all__ = ["TelephonePage", "call_of", "call_pages", "served"]

_DECLINED: Final = 603
"""The SIP status for a caller whose call is hung up before it is accepted."""

_FAILED: Final = 500
"""The one for a caller whose session did not begin."""

_Page: TypeAlias = Callable[[Request, Principal], Awaitable[Response]]
TelephonePage: TypeAlias = Callable[[Request, Principal, "RealtimeApp"], Awaitable[Response]]


def call_pages(app: RealtimeApp, telephone: Mapping[str, TelephonePage]) -> tuple[PageRow, ...]:
    """The routes, without Azure's prefix. `telephone` has those of telephone calls, by the last part of the path."""

    def admitted(page: _Page) -> Callable[[Request], Awaitable[Response]]:
        """A page for callers with a key or a client secret. Its rejections are observed, as those of sessions are."""

        @wraps(page)
        async def checked(request: Request) -> Response:
            principal = None
            try:
                app.admission.check_origin(request.scope)
                principal = await app.admission.principal_of(request.scope, unix_now_s=unix_time())
                return await page(request, principal)
            except Rejection as rejection:
                await app.reject(rejection, request.scope, principal)
                raise

        return checked

    def bound(page: TelephonePage) -> _Page:
        async def of_app(request: Request, principal: Principal) -> Response:
            return await page(request, principal, app)

        return of_app

    async def create(request: Request, principal: Principal) -> Response:
        stack = await app.calls.loaded_stack(websocket=right_path(request.scope))
        offer = await read_offer(request, app)
        if offer.session is not None:
            session_start = combined_start(offer.session, principal.session_start, app)
            principal = msgspec.structs.replace(principal, session_start=session_start)
        call_id, new_peer = app.calls.new_id(), partial(stack.new_peer, app.calls.settings)
        answer = await served(request, principal, app, call_id=call_id, offer=offer.sdp, new_peer=new_peer)
        return Response(
            answer,
            201,
            headers={
                "content-type": "application/sdp",
                "location": f"{_calls_path(request)}/{call_id}",
                "cache-control": "no-store",
            },
        )

    async def hang_up(request: Request, principal: Principal) -> Response:
        if (ringing := app.calls.incoming(request.path_params["call_id"], principal)) is not None and ringing.rings:
            await ringing.decline(_DECLINED)
        else:
            await app.calls.hang_up(call_of(request, principal, app))
        return Response(status_code=200)

    return (
        ("POST", PATH, admitted(create)),
        ("POST", CALLS_PATH, admitted(create)),
        ("POST", f"{CALLS_PATH}/{{call_id}}/hangup", admitted(hang_up)),
        *(("POST", f"{CALLS_PATH}/{{call_id}}/{verb}", admitted(bound(page))) for verb, page in telephone.items()),
    )


async def served(
    request: Request,
    principal: Principal,
    app: RealtimeApp,
    *,
    call_id: str,
    offer: str,
    new_peer: Callable[[], Peer],
    phone: IncomingCall | None = None,
) -> str:
    """Begin a call and its session; returns the answer to the offer. `phone` is the telephone call that is accepted.

    Raises:
        Rejection: there is no session.
    """
    session_start = await app.admission.call_start_of(request.scope, principal, now=unix_time())
    place = await app.open_sessions.place(principal.owner)
    # No wait from here until the call is counted.
    held, share = ExitStack(), app.budget.share(principal.owner)
    held.enter_context(place)
    held.callback(share.close)
    with closed_on_fault(held):
        call = ServedCall(
            call_id=call_id,
            principal=principal,
            offer=offer,
            peer=new_peer(),
            open_session=_open_session(app, request, principal, session_start, held, phone),
            new_id=app.new_id,
            charge=share.charge,
            on_end=app.call_ended,
            phone=phone,
        )
        held.enter_context(app.open_sessions.counted(call, principal.owner))
    try:
        return await app.calls.start(call, held)
    except BaseException:
        if phone is not None:  # its peer is closed
            await phone.decline(_FAILED)
        raise


def call_of(request: Request, principal: Principal, app: RealtimeApp) -> ServedCall:
    """The call that the path names. Raises Rejection."""
    call_id: str = request.path_params["call_id"]
    call = app.calls.find(call_id, principal)
    if call is None:
        raise Rejection("no_call" if app.supervisor is None else "no_call_in_worker", call_id=printable_name(call_id))
    return call


def _calls_path(request: Request) -> str:
    """The path of calls as the client sees it."""
    prefix = AZURE if path_of(request.scope).startswith(AZURE) else ""
    root: str = request.scope.get("root_path", "")
    return root + prefix + CALLS_PATH


def _open_session(
    app: RealtimeApp,
    request: Request,
    principal: Principal,
    session_start: SessionStart,
    held: ExitStack,
    phone: IncomingCall | None,
) -> Callable[[Transport], Awaitable[Served]]:
    async def open_session(transport: Transport) -> Served:
        if app.upstream is None:
            return serve(transport, None)
        async with opened(app.upstream, session_start) as upstream:
            return serve(transport, upstream)

    def serve(transport: Transport, upstream: Upstream | None) -> Served:
        tapped = app.tapped_session(url_of(request.scope))
        held.callback(tapped.close)
        tapped.about(
            family="realtime",
            subject=principal.owner,
            model=session_start.model or app.realtime.default_model,
            dialect=session_start.dialect,
            medium="webrtc" if phone is None else "sip",
        )
        around = tapped.around(transport)
        if phone is not None:
            phone.tell = around.send
        observer = app.observer(tapped, address=peer_of(request.scope), owner=principal.owner)
        return app.realtime.serve(around, session_start, owner=principal.owner, observer=observer, upstream=upstream)

    return open_session
