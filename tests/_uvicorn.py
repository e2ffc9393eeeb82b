"""Any ASGI application under uvicorn on a free loopback port, for the length of a block."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import uvicorn

__all__ = ["under_uvicorn"]


@asynccontextmanager
async def under_uvicorn(application: Any, *, lifespan: Literal["auto", "off"] = "auto") -> AsyncGenerator[int, None]:
    """Serve the application; yields the port."""
    up = asyncio.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            up.set()

    config = uvicorn.Config(
        application,
        port=0,
        ws="websockets-sansio",
        lifespan=lifespan,
        timeout_graceful_shutdown=1,
        log_config=None,
        log_level="critical",
    )
    server = Server(config)
    serving = asyncio.ensure_future(server.serve())
    try:
        await asyncio.wait_for(up.wait(), 10)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 10)
