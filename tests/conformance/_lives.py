"""Our Live sessions in memory: primary connections, sidebands and forks."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from dataclasses import replace

from duologue.conformance import ConnectOptions, NotApplicable
from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.registry import Engines
from duologue.errors import ConnectFailed
from duologue.protocol import SessionDefaults
from duologue.server import Limits, LiveRequest
from duologue.server.budget import Budget
from duologue.server.live.live_sessions import LiveSessions
from duologue.server.rejections import Rejection
from duologue.server.telemetry.observer import Observers
from duologue.testing import scripted_engines
from duologue.transports import Transport
from tests.conformance._servers import Serve, Served, Speaker

__all__ = ["live"]


class LiveSpeaker(Speaker):
    """Hands over what it is told to hand over."""

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """The answer, word by word."""
        if "application" in request.instructions and any(each.name == "delegate" for each in request.functions):
            yield FunctionCall(name="delegate", arguments="{}")
            return
        async for piece in super().respond(request):
            yield piece


def engines() -> Engines:
    """Scripted ones that answer, call and delegate."""
    scripted = scripted_engines(transcripts=tuple(itertools.repeat("he was not ill disposed", 100)))
    return replace(scripted, responder=LiveSpeaker())


def live() -> Serve:
    """What serves the connections of one server."""
    budget = Budget(max_bytes=500_000_000, max_owner_bytes=500_000_000)
    sessions = LiveSessions(defaults=SessionDefaults(), limits=Limits(), budget=budget)

    def serve(transport: Transport, options: ConnectOptions) -> Served:
        if options.api_key is not None:
            raise NotApplicable("a pipe in memory has no headers")
        wanted = LiveRequest()
        if options.attach is not None:
            wanted = LiveRequest(verb="attach", session_id=options.attach)
        elif options.fork is not None:
            wanted = LiveRequest(verb="fork", session_id=options.fork)
        try:
            return sessions.serve(wanted, transport, owner="", engines=engines(), observer=Observers(()))
        except Rejection as rejection:
            raise ConnectFailed(str(rejection), retryable=False, status=404) from rejection

    return serve
