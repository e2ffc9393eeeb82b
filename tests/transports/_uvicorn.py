"""Any ASGI application under uvicorn on a free loopback port, for the length of a block."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn

from duologue.transports.asgi import ASGIReceive, ASGISend, Scope


@asynccontextmanager
async def running(application: Callable[[Scope, ASGIReceive, ASGISend], Awaitable[None]]) -> AsyncGenerator[int, None]:
    """Serve the application; yields the port."""
    up = asyncio.Event()

    async def with_lifespan(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        up.set()
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        with_lifespan,
        ws="websockets-sansio",
        ws_max_size=16 * 1024 * 1024,
        timeout_graceful_shutdown=1,
        log_config=None,
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(5):
            await up.wait()
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 10)
        listening.close()
