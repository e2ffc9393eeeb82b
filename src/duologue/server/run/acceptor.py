"""Connections that have to finish their TLS handshake before they say anything."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from typing import Final

from uvicorn.server import ServerState

from duologue.server.networks import network_of
from duologue.server.run.connections import Connections

__all__ = ["Arrivals"]

_MAX_ACCEPTED: Final = 32
"""In one turn of the event loop."""

_RETRY_S: Final = 0.1
"""Until connections are accepted again when there was no descriptor for one."""


class Arrivals:
    """Accepts connections and does their TLS handshake.

    An event loop's own server does both, but shows a connection only after its handshake: those that never finish
    theirs would be in no table, and could not be cut.
    """

    def __init__(
        self,
        listening: socket.socket,
        tls: SSLContext,
        edge: Connections,
        server_state: ServerState,
        make: Callable[[], asyncio.Protocol],
    ) -> None:
        self._listening = listening
        self._tls = tls
        self._edge = edge
        self._state = server_state
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._arriving: set[_Arrival] = set()
        self._closed = False
        listening.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_MAX_ACCEPTED):
            try:
                client, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._listening.fileno())
                self._loop.call_later(_RETRY_S, self._listen)
                return
            client.setblocking(False)
            arrival = _Arrival(client, network_of(address[0]))
            self._edge.arrive(arrival)
            task = self._loop.create_task(self._shake_hands(arrival))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)

    async def _shake_hands(self, arrival: _Arrival) -> None:
        self._arriving.add(arrival)
        within_s, began = self._edge.limits.handshake_s, self._loop.time()
        try:
            await self._loop.connect_accepted_socket(
                self._make, arrival.socket, ssl=self._tls, ssl_handshake_timeout=within_s
            )
        except OSError:
            # Late, not TLS, no cipher in common, or gone: the client's affair. Only the clock shows which, and uvloop's
            # timers may be a little early by it.
            if within_s is not None and self._loop.time() - began >= 0.9 * within_s:
                self._edge.log_cut("handshake_late", arrival)
        finally:
            self._arriving.discard(arrival)
            self._edge.leave(arrival)

    def close(self) -> None:
        """Accept no more, and end the handshakes under way."""
        self._closed = True
        self._loop.remove_reader(self._listening.fileno())
        for arrival in tuple(self._arriving):
            arrival.cut("draining")

    async def wait_closed(self) -> None:
        """The handshakes are tasks of the server, which waits for those."""


class _Arrival:
    """One of them, as the table of connections knows it."""

    def __init__(self, client: socket.socket, address: str) -> None:
        self.socket = client
        self.address = address
        self.owner = f"address {address}"
        self.unread = 0

    def check(self, now: float) -> None:
        """The handshake's own timer ends it."""

    def cut(self, name: str) -> None:
        """Hang up, which the handshake takes notice of."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
