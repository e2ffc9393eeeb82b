"""Accepts connections, and counts those with TLS from before their handshake."""

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
from duologue.server.run.listening_socket import MAX_QUEUED, listen

__all__ = ["Acceptor"]

_MAX_ACCEPTED: Final = 32
"""Connections in one iteration of the event loop."""

_RETRY_S: Final = 0.1
"""Until connections are accepted again after the descriptors ran out."""


class Acceptor:
    """Accepts connections and does their TLS handshakes.

    uvloop's own server accepts all that are queued at once, and resets those for which no descriptor is left, before
    others that wait too long can be cut. Every loop's server shows a connection with TLS only after its handshake:
    those that never finish it would not be in the table, and could not be cut.
    """

    def __init__(
        self,
        listening: socket.socket,
        tls: SSLContext | None,
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
        self._handshakes: set[_Handshake] = set()
        self._closed = False
        listening.setblocking(False)
        self.prepare(listening)
        self._listen()

    def prepare(self, listening: socket.socket) -> None:
        """Have the system queue connections."""
        listen(listening)

    def take(self, listening: socket.socket) -> tuple[socket.socket, str]:
        """The next connection, and the address of its client. Raises OSError."""
        client, address = listening.accept()
        return client, address[0]

    def arrived(self) -> None:
        """A connection that was taken is in the table now, or has ended before."""

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_MAX_ACCEPTED):
            try:
                client, address = self.take(self._listening)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(self._listening.fileno())
                self._loop.call_later(_RETRY_S, self._listen)
                return
            client.setblocking(False)
            task = self._loop.create_task(self._open(client, network_of(address)))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)

    async def _open(self, client: socket.socket, address: str) -> None:
        if self._tls is not None:
            await self._shake_hands(_Handshake(client, address), self._tls)
            return
        try:
            with suppress(OSError):  # the client is gone: there is no connection to tell
                await self._loop.connect_accepted_socket(self._make, client)
        finally:
            self.arrived()

    async def _shake_hands(self, handshake: _Handshake, tls: SSLContext) -> None:
        self._edge.arrive(handshake)
        self.arrived()
        self._handshakes.add(handshake)
        within_s, began = self._edge.limits.handshake_s, self._loop.time()
        try:
            await self._loop.connect_accepted_socket(
                self._make, handshake.socket, ssl=tls, ssl_handshake_timeout=within_s
            )
        except OSError:
            # Too late, not TLS, no common cipher, or disconnected. Only the clock shows which, and timers of uvloop may
            # fire a little early.
            if within_s is not None and self._loop.time() - began >= 0.9 * within_s:
                self._edge.log_cut("handshake_late", handshake)
        finally:
            self._handshakes.discard(handshake)
            self._edge.leave(handshake)

    def release(self) -> None:
        """Accept what is queued, and no more; handshakes go on. A process that has the socket too takes what comes."""
        for _ in range(MAX_QUEUED // _MAX_ACCEPTED):
            self._accept()
        self.stop()
        self._listening.close()

    def stop(self) -> None:
        """Accept no more connections."""
        if not self._closed:
            self._loop.remove_reader(self._listening.fileno())
        self._closed = True

    def close(self) -> None:
        """Accept no more connections, and end the handshakes under way."""
        self.stop()
        for handshake in tuple(self._handshakes):
            handshake.cut("draining")

    async def wait_closed(self) -> None:
        """Nothing to wait for: the handshakes are tasks of the server, which waits for them."""


class _Handshake:
    """A connection in its handshake, for the table of connections."""

    def __init__(self, client: socket.socket, address: str) -> None:
        self.socket = client
        self.address = address
        self.owner = f"address {address}"
        self.unread = self.received = 0

    def check(self, now: float) -> None:
        """Does nothing: the handshake has a timer of its own."""

    def cut(self, name: str) -> None:
        """Shut the socket down, which ends the handshake."""
        self.abort()

    def abort(self) -> None:
        """Shut the socket down, which ends the handshake."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
