"""A WebSocket as a transport for threads, client side, over the `websockets` library's threaded client."""

from __future__ import annotations

import logging
import math
import socket as sockets
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from websockets.exceptions import ConcurrencyError, InvalidStatus
from websockets.exceptions import ConnectionClosed as WebSocketClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as websockets_connect

from duologue.errors import ConnectFailed
from duologue.protocol.deadlines import Liveness, LivenessLimits, liveness, next_look_at
from duologue.transports.handshakes import (
    check_handshake,
    close_of,
    handshake_faults,
    library_options,
    limits_of,
    redirect_of,
)
from duologue.transports.socket_options import SocketOptions

__all__ = ["BlockingWebSocketTransport", "open_blocking_websocket"]

_logger = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S: Final = 3
"""How long to wait for the peer's closing frame: a peer that is there answers within a round trip."""

_OWN_FAULT_S: Final = 0.5
"""Whoever wakes up so much too late was stopped himself, and cannot tell who else was silent."""

_DRAIN_S: Final = 0.05
"""How long a close looks for one more unread message before it looks whether it is done."""

_STANDARD: Final = SocketOptions()


class BlockingWebSocketTransport:
    """An open WebSocket. With `limits` its silence is watched while somebody waits for a message."""

    def __init__(self, socket: ClientConnection, *, limits: LivenessLimits | None = None) -> None:
        self._socket = socket
        self._limits = limits
        self._largest_sent_bytes = 0
        self._verdict: str | None = None
        self._writing = threading.Lock()
        self._heard_at_s = self._left_at_s = time.monotonic()
        self._asked_at_s: float | None = None
        self._answer: threading.Event | None = None

    def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the socket's buffer is full."""
        self._largest_sent_bytes = max(self._largest_sent_bytes, len(message))
        try:
            with self._writing:
                self._socket.send(message)
        except WebSocketClosed as fault:
            raise close_of(fault, largest_sent_bytes=self._largest_sent_bytes, verdict=self._verdict) from fault

    def receive(self, *, timeout_s: float | None = None) -> str | bytes:
        """The next message."""
        begins_s = time.monotonic()
        due_s = math.inf if timeout_s is None else begins_s + timeout_s
        # While nobody waits the socket is not read, and the answer to a ping lies behind all that came before it.
        self._shift(begins_s - self._left_at_s)
        try:
            while True:
                look_s = self._next_look_s()
                with suppress(TimeoutError):
                    message = self._socket.recv(timeout=_wait_s(min(look_s, due_s)))
                    self._heard(time.monotonic())
                    return message
                self._look(time.monotonic(), expected_s=min(look_s, due_s))
                if time.monotonic() >= due_s:
                    raise TimeoutError(f"no message came within {timeout_s:g} s")
        except WebSocketClosed as fault:
            raise close_of(fault, largest_sent_bytes=self._largest_sent_bytes, verdict=self._verdict) from fault
        finally:
            self._left_at_s = time.monotonic()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, waiting a few seconds at most for the peer to agree. Reasons are cut to what a frame can hold."""
        # 125 bytes of a control frame, less the two of the code.
        short = reason.encode()[:123].decode(errors="ignore")
        # Aside: behind a send that is stuck, the library would wait for as long as the send does.
        closing = threading.Thread(
            target=self._socket.close, args=(code, short), name="duologue-closing-websocket", daemon=True
        )
        closing.start()
        give_up_s = time.monotonic() + _CLOSE_TIMEOUT_S + 1
        while closing.is_alive() and time.monotonic() < give_up_s:
            # Unread messages would hide the peer's closing frame.
            try:
                self._socket.recv(timeout=_DRAIN_S)
            except TimeoutError:
                continue
            except (WebSocketClosed, ConcurrencyError):  # nothing is left, or another thread reads
                closing.join(_DRAIN_S)
        if closing.is_alive():
            self._cut()
            closing.join(1)

    # --- silence

    def _next_look_s(self) -> float:
        if self._limits is None:
            return math.inf
        return next_look_at(last_frame_at=self._heard_at_s, asked_at=self._asked_at_s, limits=self._limits)

    def _look(self, now_s: float, *, expected_s: float) -> None:
        """The time to say something about the silence may have come."""
        if self._limits is None:
            return
        answered = self._answer is not None and self._answer.is_set()
        if answered or now_s - expected_s > _OWN_FAULT_S:
            self._heard(now_s)
        match liveness(now_s, last_frame_at=self._heard_at_s, asked_at=self._asked_at_s, limits=self._limits):
            case Liveness.ALIVE:
                pass
            case Liveness.ASK:
                self._ask()
                self._asked_at_s = now_s
            case Liveness.DEAD:
                self._verdict = (
                    f"the server was silent for {self._limits.quiet_s:g} s and did not answer a ping within"
                    f" {self._limits.answer_s:g} s"
                )
                _logger.warning("cutting a connection that is dead: %s", self._verdict)
                self._cut()

    def _ask(self) -> None:
        # A message that is stuck on its way asks as well as a ping, which would wait behind it.
        if self._writing.acquire(blocking=False):
            try:
                self._answer = self._socket.ping()
            except WebSocketClosed:
                pass  # the next `recv` says so
            finally:
                self._writing.release()

    def _heard(self, now_s: float) -> None:
        self._heard_at_s, self._asked_at_s, self._answer = now_s, None, None

    def _shift(self, unwatched_s: float) -> None:
        self._heard_at_s += unwatched_s
        if self._asked_at_s is not None:
            self._asked_at_s += unwatched_s

    def _cut(self) -> None:
        # Shut down and not closed: that wakes threads that read or write.
        with suppress(OSError):
            self._socket.socket.shutdown(sockets.SHUT_RDWR)


def open_blocking_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    options: SocketOptions = _STANDARD,
) -> BlockingWebSocketTransport:
    """Open a WebSocket.

    Headers, sub-protocols, the query and passwords appear in no message of any exception, and nothing of a handshake
    is logged. Redirects are followed within the URL's own origin, and refused to any other.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    check_handshake(headers or {}, subprotocols)
    ends_s = time.monotonic() + options.open_timeout_s
    followed, target = 0, url
    while True:
        left = msgspec.structs.replace(options, open_timeout_s=max(0.001, ends_s - time.monotonic()))
        with handshake_faults(url, subprotocols, options):
            try:
                socket = _connect(target, library_options(target, headers or {}, subprotocols, left))
            except _Refused as refused:
                following = redirect_of(refused.status, target, followed=followed)
                if following is None:
                    raise refused.status from None
                if isinstance(following, ConnectFailed):
                    raise following from refused.status
                followed, target = followed + 1, following
                continue
        return BlockingWebSocketTransport(socket, limits=limits_of(options))


class _Refused(Exception):
    """A refused handshake that the library does not recognise, so that it follows no redirect by itself."""

    def __init__(self, status: InvalidStatus) -> None:
        super().__init__()
        self.status = status


class _Connection(ClientConnection):
    """The library's connection, but for redirects: it would take a key along in its query and most headers."""

    def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().handshake(*args, **kwargs)
        except InvalidStatus as status:
            raise _Refused(status) from status


def _connect(url: str, options: dict[str, Any]) -> ClientConnection:
    connecting: Any = websockets_connect(url, close_timeout=_CLOSE_TIMEOUT_S, create_connection=_Connection, **options)
    # Newer versions of the library warn of a connection that is not entered; leaving it is what `close` does.
    connection: ClientConnection = connecting.__enter__()
    return connection


def _wait_s(until_s: float) -> float | None:
    return None if until_s == math.inf else max(0.0, until_s - time.monotonic())
