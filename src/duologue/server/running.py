"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from duologue.errors import DuologueError, MissingExtra
from duologue.server.app import PATH, RealtimeApp

if TYPE_CHECKING:
    import uvicorn

__all__ = ["serve", "spare_the_collector"]

_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The protocol allows 15 MiB of audio in one append."""

_PING_INTERVAL_S: Final = 20
"""As the hosted service pings."""

_LAST_PORT: Final = 65535

_COLLECTOR_THRESHOLDS: Final = (5_000, 20, 50)
"""A full collection walks through every session, about 0.15 ms for each, and nobody is served meanwhile. By Python's
own thresholds, of 700, 10 and 10, three hundred calls wait 45 ms for it every few seconds."""

_DRAIN_S: Final = 3
"""How long sessions may take to end when the server stops."""


async def serve(
    application: RealtimeApp, *, host: str = "127.0.0.1", port: int = 8000, on_listening: Callable[[str], None]
) -> None:
    """Serve until interrupted (SIGINT, SIGTERM) or cancelled.

    `port` 0 takes a free one. `on_listening` is called with the URL once clients can connect.

    Raises:
        DuologueError: the address cannot be listened on.
        EngineError: an engine does not load.
        MissingExtra: uvicorn, or what an engine needs, is not installed.
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
        # Not by the lifespan protocol: a failed start-up there ends in sys.exit, and the reason in a log.
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    try:
        async with application.running():
            await _run(uvicorn.Server(config), listening, on_listening)
    finally:
        listening.close()


def spare_the_collector() -> None:
    """Have Python's garbage collector run seldom, and pass by all that is loaded: for a process that only serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


async def _run(server: uvicorn.Server, listening: socket.socket, on_listening: Callable[[str], None]) -> None:
    """Serve on this socket. Cancelled: clients are said goodbye to first."""
    # Not in a TaskGroup: that would cancel the server where it must be let finish.
    running = asyncio.ensure_future(server.serve(sockets=[listening]))  # noqa: TID251
    try:
        await _until_started(server, running)
        shown_host, shown_port = listening.getsockname()[:2]
        shown_host = f"[{shown_host}]" if ":" in shown_host else shown_host
        on_listening(f"ws://{shown_host}:{shown_port}{PATH}")
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise


async def _until_started(server: uvicorn.Server, running: asyncio.Future[None]) -> None:
    """Wait until the server takes connections. Raises DuologueError if it ends before that."""
    while not server.started:
        if running.done():
            await running
            raise DuologueError("the server did not start; its log says why")
        await asyncio.sleep(0.01)


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises DuologueError for an address that cannot be had."""
    if not 0 <= port <= _LAST_PORT:
        raise DuologueError(f"cannot listen on {host}:{port}: ports end at {_LAST_PORT}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
    except OSError as fault:
        raise DuologueError(f"cannot listen on {host}:{port}: {fault.strerror or fault}") from fault
    # Said to be TCP, which `create_server` leaves open: only then does asyncio switch Nagle's algorithm off in what is
    # accepted, which holds back a small message until the client's next one, or for 40 ms.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listening.detach())
