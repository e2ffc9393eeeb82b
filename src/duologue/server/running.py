"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from duologue.errors import DuologueError, MissingExtra
from duologue.server.app import PATH, RealtimeApp

if TYPE_CHECKING:
    import uvicorn

__all__ = ["serve"]

_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The protocol allows 15 MiB of audio in one append."""

_PING_INTERVAL_S: Final = 20
"""As the hosted service pings."""

_DRAIN_S: Final = 3
"""How long sessions may take to end when the server stops."""


async def serve(
    application: RealtimeApp, *, host: str = "127.0.0.1", port: int = 8000, on_listening: Callable[[str], None]
) -> None:
    """Serve until interrupted (SIGINT, SIGTERM) or cancelled.

    `port` 0 takes a free one. `on_listening` is called with the URL once clients can connect.

    Raises:
        DuologueError: the address cannot be listened on, or an engine does not load.
        MissingExtra: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError as fault:
        raise MissingExtra("uvicorn", extra="server") from fault
    listening = _bind(host, port)
    config = uvicorn.Config(
        application,
        ws="websockets-sansio",
        ws_max_size=_MAX_MESSAGE_BYTES,
        ws_ping_interval=_PING_INTERVAL_S,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_DRAIN_S,
        lifespan="on",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    # Not in a TaskGroup: that would cancel the server where it must be let finish.
    running = asyncio.ensure_future(server.serve(sockets=[listening]))  # noqa: TID251
    try:
        await _until_started(server, running)
        shown_host, shown_port = listening.getsockname()[:2]
        shown_host = f"[{shown_host}]" if ":" in shown_host else shown_host
        on_listening(f"ws://{shown_host}:{shown_port}{PATH}")
        # Shielded: a cancelled server still says goodbye to its clients and closes its engines.
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise
    finally:
        listening.close()


async def _until_started(server: uvicorn.Server, running: asyncio.Future[None]) -> None:
    """Wait until the server takes connections. Raises DuologueError if it ends before that."""
    while not server.started:
        if running.done():
            await running
            raise DuologueError("the server did not start; its log says why")
        await asyncio.sleep(0.01)


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises DuologueError for an address that cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as fault:
        raise DuologueError(f"cannot listen on {host}:{port}: {fault.strerror or fault}") from fault
