"""The upstream of a call, which is opened before the call is answered: what fails then is an HTTP status."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from duologue.dialects import PROFILES
from duologue.server.relay.upstream import Upstream
from duologue.server.session_start import SessionStart, upstream_session_start
from duologue.transports import Transport

__all__ = ["opened"]


@asynccontextmanager
async def opened(upstream: Upstream, session_start: SessionStart) -> AsyncGenerator[Upstream, None]:
    """The same API, for one session, over a connection that is open now. Raises ConnectFailed.

    If the block fails there is no session, and the connection is closed; else it is the session's.
    """
    transport = await upstream.open(upstream_session_start(session_start, PROFILES[upstream.dialect]))

    async def open_it(_: SessionStart) -> Transport:
        return transport

    try:
        yield msgspec.structs.replace(upstream, open=open_it)
    except BaseException:
        await transport.close()
        raise
