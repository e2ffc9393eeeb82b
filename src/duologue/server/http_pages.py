"""All that the server answers over HTTP, as one application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duologue.errors import MissingExtra
from duologue.server.http.paths import PATH
from duologue.server.telemetry.metrics import Metrics
from duologue.transports.asgi import ASGIApplication

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["http_pages"]


def http_pages(application: RealtimeApp, metrics: Metrics, *, talk: bool) -> ASGIApplication:
    """The HTTP routes, those of calls, and with `talk` the page on which people talk. Raises MissingExtra."""
    try:
        from duologue.server.calls.cors import Cors
        from duologue.server.calls.live_routes import live_call_pages
        from duologue.server.calls.routes import call_pages
        from duologue.server.http.routes import pages
        from duologue.server.talk.routes import talk_routes
    except ModuleNotFoundError as fault:
        if fault.name is None or not fault.name.startswith("starlette"):
            raise
        raise MissingExtra("starlette", extra="server") from fault
    site = pages(
        application,
        path=PATH,
        metrics=metrics,
        more=(*call_pages(application), *live_call_pages(application)),
    )
    if talk:
        site.router.routes += talk_routes(application)
    with_cors: ASGIApplication = Cors(site, application)
    return with_cors
