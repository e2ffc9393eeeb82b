"""A call that a request has asked for: its session, and what is held for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from duologue.clock import unix_time
from duologue.printable import printable_name
from duologue.server.calls.incoming_call import IncomingCall
from duologue.server.calls.served_call import ServedCall
from duologue.server.calls.served_calls import closed_on_fault
from duologue.server.calls.upstreams import opened
from duologue.server.http.admission import peer_of
from duologue.server.http.authentication import Principal
from duologue.server.http.paths import url_of
from duologue.server.open_sessions import Served
from duologue.server.rejections import Rejection
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import SessionStart
from duologue.transports import Transport
from duologue.transports.webrtc.peer import Peer

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["call_of", "start_call"]

_FAILED: Final = 500
"""The SIP status for a caller whose session did not begin."""


async def start_call(
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
        raise Rejection("no_call", call_id=printable_name(call_id))
    return call


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
