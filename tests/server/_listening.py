"""A server of ours on a free loopback port, for the length of a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

from duologue.engines.registry import Engines
from duologue.server import RealtimeApp, serve
from duologue.testing import scripted_app_engines
from tests.server._session_ends import SessionEnds


def scripted_app(engines: Engines | None = None, *, ends: SessionEnds | None = None, **settings: Any) -> RealtimeApp:
    """An application with scripted engines, or these, whose sessions' ends are observed."""
    observers = [] if ends is None else [ends]
    return RealtimeApp(engines=scripted_app_engines(engines), observers=observers, **settings)


@asynccontextmanager
async def listening(application: RealtimeApp, *, tls: SSLContext | None = None) -> AsyncGenerator[str, None]:
    """Serve the application; yields the URL. At the end the server is cancelled, and must be gone in 10 seconds."""
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(serve(application, port=0, tls=tls, on_listening=url.set_result))
    try:
        waiting: set[asyncio.Future[Any]] = {serving, url}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        if serving.done():
            serving.result()
        yield url.result()
    finally:
        serving.cancel()
        done, _ = await asyncio.wait({serving}, timeout=10)
        assert done, "the server does not stop"
