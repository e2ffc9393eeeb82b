"""uvicorn's server with our acceptor, without its signals and without its looks at the clock ten times a second."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from ssl import SSLContext
from typing import Final

import uvicorn

from duologue.server.run.acceptor import Acceptor
from duologue.server.run.connections import EdgeConfig

__all__ = ["Server"]

_TICK_S: Final = 1.0
"""Between two new dates for the heads of answers, which have whole seconds."""

_CLOSING_S: Final = 0.1
"""From the end to uvicorn's close of all connections, by 1012: sessions that are cut by a second signal send their own
code first. They take milliseconds."""


class Server(uvicorn.Server):
    """Serves what an acceptor takes from sockets, until `end`."""

    def __init__(self, config: EdgeConfig, acceptor: type[Acceptor], tls: SSLContext | None) -> None:
        super().__init__(config)
        self._edge = config.edge
        self._acceptor = acceptor
        self._tls = tls
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Accept nothing more, and close the connections."""
        self.should_exit = True
        self._ended.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen by an `Acceptor`, so that the table has every connection."""
        config, state, loop = self.config, self.server_state, asyncio.get_running_loop()

        def make() -> asyncio.Protocol:
            return config.http_protocol_class(config, state, {})  # type: ignore[call-arg]

        await self.lifespan.startup()
        self.servers: list[asyncio.base_events.Server] = []
        for each in sockets or ():
            if sys.platform == "win32":
                # No `add_reader` in the event loop of Windows: handshakes have a timeout, but are not in the table.
                within_s = self._edge.limits.handshake_s if self._tls is not None else None
                self.servers.append(
                    await loop.create_server(
                        make, sock=each, ssl=self._tls, ssl_handshake_timeout=within_s, backlog=config.backlog
                    )
                )
            else:
                self.servers.append(self._acceptor(each, self._tls, self._edge, state, make))  # type: ignore[arg-type]
        self.started = True

    async def main_loop(self) -> None:
        """Wait for the end. uvicorn looks for it every 0.1 s, which is most of what an idle server does."""
        while not await self.on_tick(0):  # by this number a second has passed since the last one
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._ended.wait()
        await asyncio.sleep(_CLOSING_S)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle no signals: uvicorn would close all sessions at the first one."""
        yield
