"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import platform
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from duologue.errors import DuologueError, MissingExtra
from duologue.server.app import RealtimeApp
from duologue.server.http.paths import PATH

if TYPE_CHECKING:
    import uvicorn

    from duologue.server.run.acceptor import Arrivals
    from duologue.server.run.connections import Connections, EdgeConfig

__all__ = ["loop_factory", "serve", "spare_the_collector"]

_LAST_PORT: Final = 65535

_COLLECTOR_THRESHOLDS: Final = (1_000, 5, 1_000)
"""A collection looks at a thousand objects a millisecond, and serves no client meanwhile: the young ones then cost 1 ms
and the middle ones 5. The full one walks through every session, 45 ms for three hundred calls, which by Python's own
thresholds of 700, 10 and 10 came every few seconds. A session or connection that ends needs none: tests see that it
leaves no cycle."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Numbers of `mallopt`'s parameters: https://man7.org/linux/man-pages/man3/mallopt.3.html"""

_OWN_PAGES_BYTES: Final = 4 * 1024 * 1024
"""Blocks of memory from this size on go back to the system when they are freed. By itself glibc raises the size to that
of the largest block so far, and keeps twice as much in every thread, where `malloc_trim` does not look. Smaller ones
would cost: each message takes fresh pages for every copy then, and a page is as long to fetch as 10 kB to copy."""

_KEPT_BYTES: Final = 2 * _OWN_PAGES_BYTES
"""Free memory that every thread may keep."""

_TRIM_S: Final = 3.0
"""Between two looks at whether connections have ended. glibc keeps what many messages took until it is told to give it
back."""

_TRIMS: Final = 3
"""Times that memory is given back after a connection: an engine's call may outlast it, and holds its audio."""

_MAX_ACCEPTED: Final = 32
"""Connections that are taken in one turn of the event loop."""

_MAX_QUEUED: Final = 2048
"""Connections that the system holds until they are taken."""

_END_S: Final = 3
"""How long connections may take to end when their sessions have: a round trip, and no more for one that is stuck."""


async def serve(
    application: RealtimeApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    tls: SSLContext | None = None,
    on_listening: Callable[[str], None],
) -> None:
    """Serve until cancelled. Then sessions are drained (`RealtimeApp.drain`); cancelled again, they end at once.

    Signals are the caller's affair: under `asyncio.run`, Ctrl-C cancels. `port` 0 takes a free one. With `tls` (see
    `tls_context`) clients come by `wss`. `on_listening` is called with the URL once clients can connect.

    Raises:
        DuologueError: the address cannot be listened on.
        EngineError: an engine does not load.
        MissingExtra: uvicorn, or what an engine needs, is not installed.
    """
    try:
        from duologue.server.run.acceptor import Arrivals
        from duologue.server.run.connections import Connections, EdgeConfig
        from duologue.server.run.uvicorn_http import Requests
        from duologue.server.run.uvicorn_websocket import Socket
    except ImportError as fault:
        raise MissingExtra("uvicorn", extra="server") from fault
    limits = application.limits
    listening = _bind(host, port)
    edge = Connections(limits, turned_away=application.cut)
    config = EdgeConfig(
        application,
        edge=edge,
        max_event_bytes=application.defaults.max_event_bytes,
        http=Requests,
        ws=Socket,
        ws_max_size=limits.frame_bytes,
        ws_ping_interval=limits.ping_s,
        ws_ping_timeout=limits.ping_s,
        ws_per_message_deflate=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=_END_S,
        backlog=_MAX_ACCEPTED,
        # Not by the lifespan protocol: a failed start-up there ends in sys.exit, and the reason in a log.
        lifespan="off",
        log_config=None,
        # On its lower levels uvicorn logs queries, and the WebSocket library headers: there are keys in both.
        log_level="warning",
        access_log=False,
    )
    try:
        async with application.running():
            server = _server(config, Arrivals, tls)
            giving_back = asyncio.ensure_future(_give_memory_back(edge))  # noqa: TID251
            try:
                await _run(application, server, listening, on_listening, "ws" if tls is None else "wss")
            finally:
                giving_back.cancel()
    finally:
        listening.close()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Makes the event loop on which a core serves most calls: uvloop's where it is installed; None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def spare_the_collector() -> None:
    """Have Python's garbage collector run seldom, and pass by all that is loaded: for a process that only serves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


async def _give_memory_back(edge: Connections) -> None:
    """Have the C library return free memory to the system when connections have ended; nothing without glibc."""
    if (libc := _glibc()) is None:
        return
    libc.mallopt(_M_MMAP_THRESHOLD, _OWN_PAGES_BYTES)
    libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    gone, rounds = edge.gone, 0
    while True:
        await asyncio.sleep(_TRIM_S)
        if edge.gone != gone:
            gone, rounds = edge.gone, _TRIMS
        if rounds:
            rounds -= 1
            await asyncio.to_thread(libc.malloc_trim, 0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _server(config: EdgeConfig, arrivals: type[Arrivals], tls: SSLContext | None) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Listens; TLS is done where every connection is seen."""
            state, loop = self.server_state, asyncio.get_running_loop()

            def make() -> asyncio.Protocol:
                return config.http_protocol_class(config, state, {})  # type: ignore[call-arg]

            await self.lifespan.startup()
            self.servers = []
            for each in sockets or ():
                if tls is None:
                    self.servers.append(await loop.create_server(make, sock=each, backlog=config.backlog))
                elif sys.platform == "win32":
                    # Its event loop cannot watch a socket: handshakes have their deadline, and are in no table.
                    within_s = config.edge.limits.handshake_s
                    self.servers.append(
                        await loop.create_server(make, sock=each, ssl=tls, ssl_handshake_timeout=within_s)
                    )
                else:
                    self.servers.append(arrivals(each, tls, config.edge, state, make))  # type: ignore[arg-type]
                # asyncio accepts its `backlog` in one turn, which may not be more descriptors than are kept free; the
                # system may let more clients queue.
                each.listen(_MAX_QUEUED)
            self.started = True

        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            """Leaves signals alone: uvicorn would hang up on all sessions at the first one."""
            yield

    return Server(config)


async def _run(
    application: RealtimeApp,
    server: uvicorn.Server,
    listening: socket.socket,
    on_listening: Callable[[str], None],
    scheme: str,
) -> None:
    """Serve on this socket. Cancelled: sessions are let finish first."""
    # Not in a TaskGroup: that would cancel the server where it must be let finish.
    running = asyncio.ensure_future(server.serve(sockets=[listening]))  # noqa: TID251
    try:
        await _until_started(server, running)
        shown_host, shown_port = listening.getsockname()[:2]
        shown_host = f"[{shown_host}]" if ":" in shown_host else shown_host
        on_listening(f"{scheme}://{shown_host}:{shown_port}{PATH}")
        await asyncio.shield(running)
    except asyncio.CancelledError:
        try:
            await application.drain()
        finally:
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
