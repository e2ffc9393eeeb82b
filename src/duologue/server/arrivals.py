"""A connection that has to finish its TLS handshake before it says anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import cast

from uvicorn.server import ServerState

from duologue.server.connections import Connections
from duologue.server.networks import network_of

__all__ = ["Arrival"]


class Arrival(asyncio.Protocol):
    """Does the TLS handshake of one connection, and hands it over to what serves it then.

    asyncio does it too, but shows a connection only afterwards: those that never finish would be in no table.
    """

    def __init__(
        self, tls: SSLContext, edge: Connections, server_state: ServerState, make: Callable[[], asyncio.Protocol]
    ) -> None:
        self._tls = tls
        self._edge = edge
        self._server_state = server_state
        self._make = make
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self.address = self.owner = ""
        self.unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection is there."""
        self._transport = raw = cast(asyncio.Transport, transport)
        # What comes belongs to the handshake, which reads by itself.
        raw.pause_reading()
        peer = raw.get_extra_info("peername")
        self.address = network_of(peer[0] if peer else None)
        self.owner = f"address {self.address}"
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        self._edge.arrive(self)
        task = asyncio.get_running_loop().create_task(self._shake_hands(raw))
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def data_received(self, data: bytes) -> None:
        """The first request, where it comes with the end of the handshake."""
        self._early.append(data)

    async def _shake_hands(self, raw: asyncio.Transport) -> None:
        within_s = self._edge.limits.handshake_s
        loop, transport = asyncio.get_running_loop(), None
        began = loop.time()
        try:
            if not raw.is_closing():
                transport = await loop.start_tls(raw, self, self._tls, server_side=True, ssl_handshake_timeout=within_s)
        except OSError:
            # Late, not TLS, no cipher in common, or gone: the client's affair. Only the clock tells which.
            if within_s is not None and loop.time() - began >= within_s:
                self._edge.tell("handshake_late", self)
        finally:
            self._leave()
        if transport is None or transport.is_closing():
            raw.abort()
            return
        protocol, early = self._make(), b"".join(self._early)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if early:
            protocol.data_received(early)

    def _leave(self) -> None:
        self._server_state.connections.discard(self)
        self._edge.leave(self)

    def check(self, now: float) -> None:
        """The handshake's own timer ends it."""

    def cut(self, name: str) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()

    def shutdown(self) -> None:
        """The server stops."""
        self.cut("draining")
