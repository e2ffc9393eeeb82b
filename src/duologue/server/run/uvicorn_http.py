"""uvicorn's HTTP, with deadlines, limits, and responses to the requests that it rejects."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Final, Literal

import h11
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from duologue.codec.jsontext import write_text
from duologue.server.isolation import isolated
from duologue.server.limits import Limits
from duologue.server.networks import network_of
from duologue.server.rejections import Rejection
from duologue.server.run.connections import CLOSE_S, LINGER_S, Connections, EdgeConfig, half_close

__all__ = ["Requests", "response_of"]

_MAX_SOCKET_LINE_BYTES: Final = 8190
_MAX_SOCKET_HEADERS: Final = 128
"""Limits of the WebSocket library for a handshake."""

_PIECES_PER_TURN: Final = 32
"""Pieces of a body that are parsed in one turn, in 0.5 ms. One read can bring 40,000 of one byte."""

_LARGE_READ_BYTES: Final = 16 * 1024
"""After a read of this size, other connections read first."""

_MAX_PIECES: Final = 4_000
_PIECE_BYTES: Final = 64
"""A body may have 4,000 pieces and one more for every 64 bytes: a piece costs as much time as a kilobyte."""


_logger = logging.getLogger("duologue.server.run.uvicorn_http")
# Faults of clients are logged by the table of connections, with the address and once a minute.
_logger.setLevel(logging.ERROR)


def response_of(rejection: Rejection) -> bytes:
    """The whole HTTP response of a rejection. The connection is closed behind it."""
    body = write_text(rejection.body())
    status = rejection.http_status
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        "cache-control: no-store",
        f"content-length: {len(body)}",
        "connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


class _Parser(h11.Connection):
    """h11, with limits on headers and pieces; rejects ambiguous requests."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(h11.SERVER, limits.max_header_bytes)
        self._max_header_bytes = limits.max_header_bytes
        self.fault: str = "malformed"
        """The rejection of the request that is not valid, by its name in `REJECTIONS`."""
        self.body_bytes: int = 0
        self._pieces = 0
        """Bytes and pieces of the current request's body."""
        self._allowed = _PIECES_PER_TURN
        self.waits: bool = False
        """Whether the turn has ended before all pieces were parsed."""

    @property
    def unparsed_bytes(self) -> int:
        """Bytes that wait to be parsed. `trailing_data` would copy them."""
        return len(self._receive_buffer)

    @property
    def has_enough(self) -> bool:
        """Whether what waits is more than the headers of a request can be: then it is requests behind this one."""
        return self.unparsed_bytes >= self._max_header_bytes + _LARGE_READ_BYTES

    def allow(self) -> None:
        """Start a turn."""
        self._allowed, self.waits = _PIECES_PER_TURN, False

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if not self._allowed:
            self.waits = True
            return h11.NEED_DATA
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as fault:
            if fault.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
                # No line is complete: the request line is too long (RFC 9112, section 3, wants 414 for a long target).
                self.fault = "headers_large" if b"\n" in self.trailing_data[0] else "url_large"
            # A new exception: the traceback of h11's own refers to this connection, in a cycle.
            fault.__traceback__ = None
            raise h11.RemoteProtocolError(str(fault)) from None
        if isinstance(event, h11.Request):
            self.body_bytes = self._pieces = 0
            self._check(event)
        elif isinstance(event, h11.Data):
            self.body_bytes += len(event.data)
            self._allowed -= 1
            self._pieces += 1
            if self._pieces > _MAX_PIECES + self.body_bytes // _PIECE_BYTES:
                raise h11.RemoteProtocolError("the body comes in too many pieces")
        return event

    def _check(self, request: h11.Request) -> None:
        """Raise RemoteProtocolError for an ambiguous or too large request."""
        names = [name for name, _ in request.headers]
        if b"content-length" in names and b"transfer-encoding" in names:
            # Request smuggling: a proxy may use the other length, and see another request begin.
            # https://www.rfc-editor.org/rfc/rfc9112#section-6.1
            raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding")
        lengths = [len(name) + len(value) + 4 for name, value in request.headers]
        upgrade = b"upgrade" in names
        if len(request.target) > (_MAX_SOCKET_LINE_BYTES - 16 if upgrade else self._max_header_bytes):
            self.fault = "url_large"
        elif (sum(lengths) + len(request.target) > self._max_header_bytes) or (
            upgrade and (len(lengths) > _MAX_SOCKET_HEADERS or max(lengths) > _MAX_SOCKET_LINE_BYTES)
        ):
            self.fault = "headers_large"
        else:
            return
        raise h11.RemoteProtocolError("request line or headers too large")


class _Flow(FlowControl):
    """uvicorn's flow control; does not resume reading while unread data waits to be parsed."""

    held = False

    def __init__(self, transport: asyncio.Transport, parser: _Parser) -> None:
        super().__init__(transport)
        self._parser = parser

    def resume_reading(self) -> None:
        # uvicorn resumes after each request: a client that sends many at once would fill memory with them.
        if not self.held and not self._parser.has_enough:
            super().resume_reading()


class Requests(H11Protocol):
    """One HTTP connection, until it becomes a WebSocket."""

    def __init__(
        self,
        config: EdgeConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger: logging.Logger = _logger
        self._edge: Connections = config.edge
        self._limits = config.edge.limits
        self.conn: _Parser = _Parser(self._limits)
        self.address: str = ""
        self.owner: str = ""
        self.unread: int = 0
        self.received: int = 0
        self._head_bytes = 0
        self._phase: Literal["headers", "request", "idle", "closing"] = "idle"
        self._deadline: float | None = None

    # --- called by asyncio

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Narrower than the attribute of the base class.
        self.flow: _Flow = _Flow(transport, self.conn)  # pyright: ignore[reportIncompatibleVariableOverride]
        self.address = network_of(self.client[0] if self.client else None)
        self.owner = f"address {self.address}"
        self._enter("headers", self._limits.headers_s)
        self._edge.arrive(self)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._is_closing():
            return
        if not self.flow.held:
            self.conn.allow()
        super().data_received(data)
        if self._is_closing() or self._is_upgraded():
            return
        waits_for_head = self.conn.their_state is h11.IDLE
        self._head_bytes = self._head_bytes + len(data) if waits_for_head else 0
        self._after_parsing(len(data))

    def resume_parsing(self) -> None:
        """Parse the unread data for one turn; resume reading when nothing is left."""
        if self._is_closing():
            return
        self.flow.held = False
        self.conn.allow()
        self.handle_events()
        if self._is_closing() or self._is_upgraded():
            return
        self._after_parsing()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or len(cycle.body) <= HIGH_WATER_LIMIT:
            self.flow.resume_reading()

    def _after_parsing(self, came: int = 0) -> None:
        if (self.conn.waits or came >= _LARGE_READ_BYTES) and not self.flow.held:
            self.flow.pause_reading()
            self.flow.held = True
            self._edge.take_turn(self)
        waiting = self.conn.unparsed_bytes if self.flow.held else 0
        self._edge.hold(self, self._head_bytes + self.conn.body_bytes + waiting)
        self._update_phase()

    def eof_received(self) -> None:
        if self._phase == "closing":
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._edge.leave(self)

    # --- called by uvicorn

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._edge.leave(self)
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not valid with its rejection."""
        self._edge.log_cut(self.conn.fault, self)
        self._reject(self.conn.fault)

    def on_response_complete(self) -> None:
        if not self._is_closing():  # no way leads back from there
            self._phase = "idle"
        self._head_bytes = self.conn.body_bytes = 0
        self._edge.hold(self, 0)
        super().on_response_complete()
        # It has parsed the requests behind this one: one of them may have been rejected.
        if not self._is_closing() and not self.transport.is_closing() and not self._is_upgraded():
            self._after_parsing()

    def shutdown(self) -> None:
        """Close what is idle, and let a request end. A fault must not keep uvicorn from the other connections."""
        if self._phase == "closing" or not isolated(super().shutdown, doing="shut down"):
            self.abort()

    def abort(self) -> None:
        """End the connection now, without a word."""
        self.transport.abort()

    # --- deadlines

    def _is_closing(self) -> bool:
        return self._phase == "closing"

    def _is_upgraded(self) -> bool:
        return self.transport.get_protocol() is not self

    def _update_phase(self) -> None:
        """Enter the phase that the connection is in now, with its deadline."""
        cycle: RequestResponseCycle | None = self.cycle
        if (cycle is not None and not cycle.response_complete) or self.conn.their_state is h11.SEND_BODY:
            if self._phase != "request":
                self._enter("request", self._limits.request_s)
        elif self._head_bytes:
            if self._phase != "headers":
                self._enter("headers", self._limits.headers_s)
        elif self._phase != "headers":
            # uvicorn's keep-alive timer ends this phase.
            self._enter("idle", None)

    def _enter(self, phase: Literal["headers", "request", "idle", "closing"], within_s: float | None) -> None:
        self._phase = phase
        self._deadline = None if within_s is None else self.loop.time() + within_s

    def check(self, now: float) -> None:
        """End the connection if a deadline has passed."""
        if self.transport.is_closing() and self._phase != "closing":
            self._enter("closing", CLOSE_S)
        if self._deadline is None or now < self._deadline:
            return
        if self._phase == "closing":
            self.transport.abort()
            return
        name = "headers_late" if self._phase == "headers" else "request_late"
        self._edge.log_cut(name, self)
        self._reject(name)

    def cut(self, name: str) -> None:
        """Send the rejection, unless a response is under way, and abort the connection."""
        if self._phase != "closing" and not self._has_response():
            self.transport.write(response_of(Rejection(name)))
        self._stop(cutting=True)

    def _reject(self, name: str) -> None:
        """Send the rejection and close the sending side; wait for the client's close."""
        if self._has_response():
            self._stop(cutting=True)
            return
        self.transport.write(response_of(Rejection(name)))
        self._stop(cutting=False)

    def _has_response(self) -> bool:
        """Whether a response is under way, so that no other can follow."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def _stop(self, *, cutting: bool) -> None:
        self._unset_keepalive_if_required()
        self._edge.hold(self, 0)
        self.flow.held = False
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self._enter("closing", LINGER_S)
        if cutting:
            self.transport.abort()
        elif half_close(self.transport):
            self.flow.resume_reading()
