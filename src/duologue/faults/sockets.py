"""WebSockets of the `websockets` library whose bytes pass a `ByteLink`, and which can break off."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed as WebSocketClosed

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.faults.byte_link import ByteLink
from duologue.faults.connection import BROKEN, ConnectionFaults
from duologue.faults.grammar import NEVER_SENT
from duologue.faults.planned import PlannedFault
from duologue.recording import Side
from duologue.transports.library.handshake_trace import TracedConnection
from duologue.transports.websocket import WebSocketTransport

__all__ = ["FarConnecting", "FarConnection", "LinkedTransport", "NearConnection", "impair_links"]

# Close codes: RFC 6455, section 7.4.1.
_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_NO_STATUS: Final = 1005

if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class _Linked(_Base):
    """A connection whose bytes pass a link."""

    link: ByteLink | None = None
    on_gone: Callable[[], object] | None = None
    """Called when the connection is over."""

    @property
    def open_link(self) -> ByteLink:
        """The link of a connection that was made."""
        assert self.link is not None
        return self.link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, when TCP and TLS connections are made."""
        assert isinstance(transport, asyncio.Transport)
        self._full_by: set[str] = set()
        self.link = ByteLink(
            transport,
            pause=lambda: self._fill("link"),
            resume=lambda: self._drain("link"),
            chance=Random(0),
        )
        super().connection_made(self.link)

    def data_received(self, data: bytes) -> None:
        """Called for all that comes."""
        assert self.link is not None
        if not self.link.is_silent:
            self.link.received(data)
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end."""
        super().connection_lost(exc)
        if self.on_gone is not None:
            self.on_gone()

    def pause_writing(self) -> None:
        """Called when the socket is full."""
        self._fill("socket")

    def resume_writing(self) -> None:
        """Called when the socket has room again."""
        self._drain("socket")

    def _fill(self, what: str) -> None:
        if not self._full_by:
            super().pause_writing()
        self._full_by.add(what)

    def _drain(self, what: str) -> None:
        if what in self._full_by:
            self._full_by.discard(what)
            if not self._full_by and self.paused:
                super().resume_writing()


class NearConnection(_Linked, ServerConnection):
    """A client of the proxy."""

    def __init__(self, opening: set[NearConnection], *arguments: Any, **keywords: Any) -> None:
        """`opening` has those whose handshake is not over."""
        super().__init__(*arguments, **keywords)
        self._opening = opening
        self.faults: ConnectionFaults | None = None
        self.far: FarConnection | None = None
        """The connection to the server that belongs to this one."""
        self.gone: asyncio.Event = asyncio.Event()
        """Set when the connection is over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once."""
        self._opening.add(self)
        super().connection_made(transport)

    def is_open(self) -> None:
        """The handshake is over; until now `far` would have ended with this connection."""
        self._opening.discard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end."""
        super().connection_lost(exc)
        self.gone.set()
        if self in self._opening:
            self._opening.discard(self)
            if self.far is not None:
                self.far.transport.abort()


class FarConnection(_Linked, TracedConnection):
    """The proxy's connection to the server."""


class FarConnecting(websockets_connect):
    """The library's `connect`, which follows no redirect: that is for the client to decide."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The exception to raise."""
        return exc


class LinkedTransport(WebSocketTransport):
    """A WebSocket as a transport; a close with 1006 breaks it off."""

    def __init__(self, socket: Connection) -> None:
        super().__init__(socket)
        self._connection = socket

    async def close(self, code: int = _NORMAL, reason: str = "") -> None:
        """Close; a code that is never in a frame is no code, or no close at all."""
        if code in NEVER_SENT - {_NO_STATUS}:
            self._connection.transport.close()
            await self._connection.wait_closed()
            return
        await super().close(_NORMAL if code in NEVER_SENT else code, reason)

    def _closed(self, fault: WebSocketClosed) -> ConnectionClosed:
        """The close as it came, without the words of a client that is closed: another one hears of it."""
        frame = fault.rcvd or fault.sent
        if frame is None:
            return ConnectionClosedError(BROKEN)
        kind = ConnectionClosedOK if frame.code in (_NORMAL, _GOING_AWAY) else ConnectionClosedError
        return kind(frame.code or _NO_STATUS, frame.reason)


def impair_links(fault: PlannedFault, near: ByteLink, far: ByteLink) -> None:
    """Let a fault of bytes come. `near` leads to the client, `far` to the server."""
    senders: tuple[Side, ...] = ("client", "server") if fault.acts_on is None else (fault.acts_on,)
    links = {"server": near, "client": far}  # what a side sends goes out to the other one
    lasts_s = fault.number("s") if "s" in fault.fields and fault.number("s") else math.inf
    match fault.name:
        case "reset":
            near.reset()
            far.reset()
        case "cut":
            near.cut()
            far.cut()
        case "half_open":
            near.silence(lasts_s)
            far.silence(lasts_s)
        case _:
            for sender in senders:
                _impair(fault, links[sender], {"client": near, "server": far}[sender], lasts_s)


def _impair(fault: PlannedFault, out: ByteLink, into: ByteLink, lasts_s: float) -> None:
    """`out` is the link that the sender's bytes leave by, `into` the one that they come in by."""
    match fault.name:
        case "latency":
            out.delays.latency_s, out.delays.jitter_s = fault.number("ms") / 1000, fault.number("jitter") / 1000
        case "bandwidth":
            out.delays.bytes_per_s = fault.number("kBps") * 1000
        case "slice":
            out.slice_bytes = int(fault.number("bytes"))
        case "corrupt":
            out.corrupt_next()
        case "slow_reader":
            into.read_slowly(fault.number("kBps") * 1000, lasts_s)
        case _:
            raise AssertionError(f"{fault.name} is no fault of bytes")
