"""The HTTP routes of telephone calls, as at the hosted service's SIP: accept, reject, refer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from duologue.printable import printable_name
from duologue.server.calls.call_start import call_of, start_call
from duologue.server.calls.incoming_call import IncomingCall
from duologue.server.calls.offers import combined_start
from duologue.server.http.authentication import Principal
from duologue.server.http.bodies import read_object
from duologue.server.http.session_bodies import wrong_value
from duologue.server.rejections import Rejection

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["TELEPHONE_PAGES", "TelephonePage"]

TelephonePage: TypeAlias = Callable[[Request, Principal, "RealtimeApp"], Awaitable[Response]]

_DECLINE: Final = 603
"""The default of the hosted service."""

_LOWEST, _HIGHEST = 300, 699
"""Of a SIP status that says no (RFC 3261, section 21)."""

_TARGETS: Final = ("tel:", "sip:", "sips:")
_MAX_TARGET: Final = 1024
"""Characters of an address; numbers have sixteen."""


async def _accept(request: Request, principal: Principal, app: RealtimeApp) -> Response:
    """Begin the session of a ringing call. Raises Rejection, ConfigRejected; then it rings on."""
    ringing = _ringing(request, principal, app)
    ringing.take()
    try:
        session = await read_object(request, app)
        session_start = combined_start({"type": "realtime", **session}, principal.session_start, app)
        principal = msgspec.structs.replace(principal, session_start=session_start)
        answer = await start_call(
            request,
            principal,
            app,
            call_id=ringing.call_id,
            offer=ringing.offer,
            new_peer=lambda: ringing.peer,
            phone=ringing,
        )
    except BaseException:
        ringing.put_back()
        raise
    ringing.accept(answer)
    return Response(status_code=200)


async def _reject(request: Request, principal: Principal, app: RealtimeApp) -> Response:
    """Decline a ringing call. Raises Rejection, ConfigRejected."""
    ringing = _ringing(request, principal, app)
    body = await read_object(request, app)
    status: Any = body.get("status_code", _DECLINE)
    if type(status) is not int or not _LOWEST <= status <= _HIGHEST:
        raise wrong_value("status_code", f"expected a whole number from {_LOWEST} to {_HIGHEST}")
    if not ringing.rings:  # while the body came
        raise Rejection("call_answered", call_id=ringing.call_id)
    await ringing.decline(status)
    return Response(status_code=200)


async def _refer(request: Request, principal: Principal, app: RealtimeApp) -> Response:
    """Have the carrier transfer an accepted call. Raises Rejection, ConfigRejected."""
    if app.calls.incoming(request.path_params["call_id"], principal) is not None:
        raise Rejection("call_rings", call_id=request.path_params["call_id"])
    call = call_of(request, principal, app)
    if call.phone is None:
        raise Rejection("no_sip_call", call_id=call.call_id)
    target: Any = (await read_object(request, app)).get("target_uri")
    if not isinstance(target, str) or not target.lower().startswith(_TARGETS) or len(target) > _MAX_TARGET:
        raise wrong_value("target_uri", "expected an address such as 'tel:+14155550123' or 'sip:desk@example.com'")
    call.phone.on_refer(target)
    return Response(status_code=200)


def _ringing(request: Request, principal: Principal, app: RealtimeApp) -> IncomingCall:
    """The ringing call that the path names. Raises Rejection."""
    call_id: str = request.path_params["call_id"]
    ringing = app.calls.incoming(call_id, principal)
    if ringing is not None and ringing.rings:
        return ringing
    if ringing is None:
        call = call_of(request, principal, app)
        if call.phone is None:
            raise Rejection("no_sip_call", call_id=call.call_id)
    raise Rejection("call_answered", call_id=printable_name(call_id))


TELEPHONE_PAGES: Final[Mapping[str, TelephonePage]] = {
    "accept": _accept,
    "reject": _reject,
    "refer": _refer,
}
"""By the last part of the path."""
