"""A server that takes calls, with scripted engines or an upstream, and carriers in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from duologue.server import RealtimeApp
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.testing.engines import scripted_app_engines, scripted_engines
from tests.telephony._carrier import MemoryCarrier, carrier
from tests.telephony._frames import CODECS

__all__ = ["SILENCE", "called", "scripted_app"]

SILENCE = [b"\xff" * 160] * 40


def scripted_app(*responses: Any, **options: Any) -> RealtimeApp:
    """An application whose model says these."""
    return RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=responses)), **options)


@asynccontextmanager
async def called(
    app: RealtimeApp, name: str = "twilio", *, session: Any = None, hang_up: bool = False, starts: bool = True
) -> AsyncGenerator[tuple[MemoryCarrier, asyncio.Task[None]], None]:
    """A call that the running application serves, and the task that does so."""
    sessions = PhoneSessions(app, session=session, hang_up=hang_up)
    async with carrier(name, starts=starts) as (line, transport):

        async def serve() -> None:
            async with sessions.place(name, address="test") as place:
                await place.serve(transport, CODECS[name]())

        serving = asyncio.ensure_future(serve())
        try:
            yield line, serving
        finally:
            serving.cancel()
            await asyncio.wait([serving])
