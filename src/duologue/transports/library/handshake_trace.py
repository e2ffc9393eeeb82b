"""What came of a handshake so far, for the error if it fails."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol

from duologue.tracebacks import drop_traceback
from duologue.transports.http_answers import HttpAnswer

__all__ = ["HandshakeTrace", "TracedConnection"]

_MAX_RECEIVED_BYTES: Final = 16 * 1024
"""Headers and the beginning of a body: enough to say what answered."""

_STATUS_LINE: Final = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})(?: [^\r\n]*)?\r?\n")
_HEAD_END: Final = re.compile(r"\n\r?\n")


class HandshakeTrace:
    """The handshake that is under way: of several, by redirects, the last."""

    def __init__(self) -> None:
        self.is_connected: bool = False
        """Whether TCP and TLS connections were made, and a proxy has led to them."""
        self.received: bytes = b""
        """The first bytes of the answer."""
        self.broken_by: Exception | None = None
        """What ended the connection; None if the server closed it, or if it is open."""
        self._prepared: ClientProtocol | None = None
        """Of a connection that is not made yet."""

    def prepare(self, protocol: ClientProtocol) -> None:
        """A connection is to be made. Not every event loop has its object made as early as that."""
        self._prepared = protocol

    def give_up(self) -> None:
        """The handshake has failed: no connection is made any more."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            _break_cycles(prepared)

    def begin(self) -> None:
        """A connection was made."""
        self.is_connected, self.received, self.broken_by, self._prepared = True, b"", None, None

    def take(self, data: bytes) -> None:
        """Bytes of the answer have come."""
        self.received = (self.received + data)[:_MAX_RECEIVED_BYTES]

    @property
    def answer(self) -> HttpAnswer | None:
        """The answer, if it is HTTP: of any version, however incomplete. The library reads complete HTTP/1.1 only."""
        received = self.received.decode("latin-1")  # a character for each byte
        if (status := _STATUS_LINE.match(received)) is None:
            return None
        head, *body = _HEAD_END.split(received[status.end() - 1 :], maxsplit=1)
        lines = (line.partition(":") for line in head.splitlines() if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        return HttpAnswer(status=int(status[1]), headers=headers, body="".join(body).encode("latin-1"))


class TracedConnection(ClientConnection):
    """A connection of the library that keeps the trace of its handshake."""

    def __init__(self, trace: HandshakeTrace, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._trace = trace
        trace.prepare(self.protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once, when TCP and TLS connections are made, and over an HTTP proxy by the library."""
        self._trace.begin()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Called for all that comes, so without work after the handshake."""
        if self.response is None:
            self._trace.take(data)
        super().data_received(data)

    def process_event(self, event: Any) -> None:
        """The first one is the answer; then the trace is not needed, and the first frames may stand behind it."""
        if self.response is None:
            self._trace.received = b""
        super().process_event(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end."""
        self._trace.broken_by = exc
        super().connection_lost(exc)
        _break_cycles(self.protocol)


def _break_cycles(protocol: ClientProtocol) -> None:
    """Have the library's objects refer to each other no more, where its version has them.

    The parser, the connection and the data would stay in memory until a full garbage collection, which is rare.
    """
    if (buffer := getattr(getattr(protocol, "reader", None), "buffer", None)) is not None:
        buffer.clear()
    if (close := getattr(getattr(protocol, "parser", None), "close", None)) is not None:
        close()
    for name in ("parser_exc", "handshake_exc"):
        if (fault := getattr(protocol, name, None)) is not None:
            drop_traceback(fault)
            response = getattr(fault, "response", None)
            if response is not None and hasattr(response, "_exception"):
                response._exception = None
