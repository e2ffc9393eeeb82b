"""The upstream of a call, which is opened before the call is answered: what fails then is an HTTP status."""

from __future__ import annotations

import msgspec

from duologue.dialects import PROFILES
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import SessionStart, upstream_session_start
from duologue.transports import Transport

__all__ = ["opened"]


async def opened(upstream: Upstream, session_start: SessionStart) -> Upstream:
    """The same API, for one session, over a connection that is open now. Raises ConnectFailed."""
    transport = await upstream.open(upstream_session_start(session_start, PROFILES[upstream.dialect]))

    async def open_it(_: SessionStart) -> Transport:
        return transport

    return msgspec.structs.replace(upstream, open=open_it)
