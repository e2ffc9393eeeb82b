"""The HTTP routes of calls: make one, hang it up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from duologue.clock import unix_time
from duologue.server.calls.call_start import call_of, start_call
from duologue.server.calls.offers import combined_start, read_offer
from duologue.server.calls.telephone_routes import TELEPHONE_PAGES, TelephonePage
from duologue.server.http.authentication import Principal
from duologue.server.http.paths import AZURE, CALLS_PATH, PATH, path_of, right_path
from duologue.server.rejections import Rejection

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp
    from duologue.server.http.routes import PageRow

__all__ = ["call_pages"]

_DECLINED: Final = 603
"""The SIP status for a caller whose call is hung up before it is accepted."""

_Page: TypeAlias = Callable[[Request, Principal], Awaitable[Response]]


def call_pages(app: RealtimeApp) -> tuple[PageRow, ...]:
    """The routes, without Azure's prefix."""

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
        answer = await start_call(request, principal, app, call_id=call_id, offer=offer.sdp, new_peer=new_peer)
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

    of_call = f"{CALLS_PATH}/{{call_id}}"
    return (
        ("POST", PATH, admitted(create)),
        ("POST", CALLS_PATH, admitted(create)),
        ("POST", f"{of_call}/hangup", admitted(hang_up)),
        *(("POST", f"{of_call}/{verb}", admitted(bound(page))) for verb, page in TELEPHONE_PAGES.items()),
    )


def _calls_path(request: Request) -> str:
    """The path of calls as the client sees it."""
    prefix = AZURE if path_of(request.scope).startswith(AZURE) else ""
    root: str = request.scope.get("root_path", "")
    return root + prefix + CALLS_PATH
