"""A WebSocket as a transport, client side, over the `websockets` library."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urljoin

import msgspec
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed as WebSocketClosed
from websockets.exceptions import (
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
    WebSocketException,
)
from websockets.typing import Subprotocol

from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.protocol.deadlines import LivenessLimits
from duologue.transports.addresses import is_loopback, origin_of, without_secrets
from duologue.transports.liveness import Lifeline
from duologue.transports.socket_options import ENVIRONMENT, RETRYABLE_STATUS, SocketOptions

__all__ = ["WebSocketTransport", "open_websocket"]

_CLOSE_TIMEOUT_S: Final = 3
"""How long to wait for the peer's closing frame: a peer that is there answers within a round trip."""

_MOST_REDIRECTS: Final = 3
"""A path that moved takes one, a trailing slash another; more than that go in circles."""

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})

_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What HTTP allows in the name of a sub-protocol."""

_NO_STATUS_RECEIVED: Final = 1005
_ABNORMAL_CLOSURE: Final = 1006
_MESSAGE_TOO_BIG: Final = 1009

_STANDARD: Final = SocketOptions()


class WebSocketTransport:
    """An open WebSocket. With `limits` its silence is watched, from the first `receive` on."""

    def __init__(self, socket: Connection, *, limits: LivenessLimits | None = None) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._largest_sent_bytes = 0
        self._lifeline: Lifeline | None = None
        self._watching: asyncio.Task[None] | None = None
        if limits is not None:
            self._lifeline = Lifeline(socket, limits)
            self._watching = asyncio.ensure_future(self._lifeline.watch())  # noqa: TID251 - `close` ends it

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while the socket's buffer is full."""
        self._largest_sent_bytes = max(self._largest_sent_bytes, len(message))
        try:
            await self._socket.send(message)
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        lifeline = self._lifeline
        try:
            if lifeline is None:
                return await self._socket.recv()
            lifeline.silent_since_s = self._loop.time()
            try:
                return await self._socket.recv()
            finally:
                lifeline.silent_since_s = None
        except WebSocketClosed as fault:
            raise self._closed(fault) from fault

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, waiting a few seconds at most for the peer to agree. Reasons are cut to what a frame can hold."""
        # 125 bytes of a control frame, less the two of the code.
        short = reason.encode()[:123].decode(errors="ignore")
        if self._watching is not None:
            self._watching.cancel()
        try:
            # The library bounds the wait for the peer's frame, but not the one for a buffer that nobody empties.
            async with asyncio.timeout(_CLOSE_TIMEOUT_S + 1):
                await self._socket.close(code, short)
        except TimeoutError:
            self._socket.transport.abort()
        if self._watching is not None:
            await asyncio.gather(self._watching, return_exceptions=True)

    def _closed(self, fault: WebSocketClosed) -> ConnectionClosed:
        """The exception of a close, with a reason that says what to do about it where the frame does not."""
        frame = fault.rcvd or fault.sent
        if frame is None:
            verdict = self._lifeline.verdict if self._lifeline is not None else None
            return ConnectionClosedError(_ABNORMAL_CLOSURE, verdict or "the connection broke off")
        code, reason = frame.code or _NO_STATUS_RECEIVED, frame.reason
        if fault.sent is not None and fault.sent.code == _MESSAGE_TOO_BIG and not fault.rcvd_then_sent:
            code = _MESSAGE_TOO_BIG
            reason = f"a message from the server is larger than max_message_bytes: {fault.sent.reason}"
        elif code == _MESSAGE_TOO_BIG:
            said = f", it says: {reason}" if reason else ""
            reason = f"the server takes no such message; the largest sent had {self._largest_sent_bytes} bytes{said}"
        kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
        return kind(code, reason)


async def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    options: SocketOptions = _STANDARD,
    open_timeout_s: float | None = None,
) -> WebSocketTransport:
    """Open a WebSocket. `open_timeout_s` goes before the one in `options`.

    Cancelling is safe. Headers, sub-protocols, the query and passwords appear in no message of any exception, and
    nothing of a handshake is logged. Redirects are followed within the URL's own origin, and refused to any other.

    Raises:
        ConnectFailed: no connection came about; `.retryable` says whether another try can help.
    """
    _check(headers or {}, subprotocols)
    if open_timeout_s is not None:
        options = msgspec.structs.replace(options, open_timeout_s=open_timeout_s)
    shown = without_secrets(url)
    try:
        socket = await _connecting(url, headers or {}, subprotocols, options)
    except ConnectFailed as refused:
        raise refused from None  # the answer behind it may quote what was sent: so below
    except InvalidStatus as fault:
        status = fault.response.status_code
        raise ConnectFailed(
            f"{shown} answered the handshake with HTTP {status}", retryable=status in RETRYABLE_STATUS
        ) from None
    except InvalidProxy:
        # Without its cause, which quotes the address and so the password.
        raise ConnectFailed("the proxy is not an address like http://proxy.example:3128", retryable=False) from None
    except ProxyError as fault:
        raise ConnectFailed(f"the proxy does not lead to {shown}: {_said(fault)}", retryable=True) from None
    except (InvalidURI, ValueError):  # the standard library's word for a port that is no number
        # Without its cause, which quotes the URL and so what is in its query.
        raise ConnectFailed(f"{shown} is not a WebSocket URL (ws://… or wss://…)", retryable=False) from None
    except (InvalidHandshake, WebSocketException) as fault:
        # A complaint about sub-protocols quotes them, and a key may be one.
        said, cause = ("its answer does not fit", None) if subprotocols else (_said(fault), fault)
        raise ConnectFailed(f"{shown} does not speak WebSocket: {said}", retryable=False) from cause
    except ImportError as fault:
        raise ConnectFailed(
            "a SOCKS proxy needs one more package: pip install python-socks", retryable=False
        ) from fault
    except TimeoutError as fault:
        raise ConnectFailed(f"{shown} did not answer within {options.open_timeout_s:g} s", retryable=True) from fault
    except OSError as fault:
        raise ConnectFailed(f"cannot reach {shown}: {fault.strerror or fault}", retryable=True) from fault
    return WebSocketTransport(socket, limits=_limits(options))


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """A logger without a level of detail that would write down keys and voices."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


class _Connecting(websockets_connect):
    """The library's way to connect, but for redirects: it would take a key along in its query and most headers."""

    followed = 0

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The URL to go on with, or the exception to end with."""
        if not isinstance(exc, InvalidStatus) or exc.response.status_code not in _REDIRECTS:
            return exc
        location = exc.response.headers.get("Location")
        if location is None:
            return exc
        shown = without_secrets(self.uri)
        try:
            target = urljoin(self.uri, location)
            same = origin_of(target) == origin_of(self.uri)
        except ValueError:
            return exc
        if not same:
            return ConnectFailed(
                f"{shown} redirects to another origin, where keys do not follow; if you trust it, connect to its"
                " own address",
                retryable=False,
            )
        self.followed += 1
        if self.followed > _MOST_REDIRECTS:
            return ConnectFailed(f"{shown} redirects more than {_MOST_REDIRECTS} times", retryable=False)
        scheme, _, rest = target.partition(":")
        return f"{scheme.replace('http', 'ws')}:{rest}"


def _connecting(
    url: str, headers: Mapping[str, str], subprotocols: Sequence[str], options: SocketOptions
) -> websockets_connect:
    proxy: Any = options.proxy
    if proxy == ENVIRONMENT:
        proxy = None if is_loopback(url) else True
    # Given at all only where it is meant: the library refuses an `ssl` beside a `ws` URL.
    tls: dict[str, Any] = {} if options.ssl is None else {"ssl": options.ssl}
    return _Connecting(
        url,
        additional_headers=dict(headers),
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        proxy=proxy,
        max_size=options.max_message_bytes,
        open_timeout=options.open_timeout_s,
        close_timeout=_CLOSE_TIMEOUT_S,
        ping_interval=None,  # `Lifeline` does it: the library's takes an application that does not read for a dead peer
        # Audio in base64 does not shrink; compressing it costs a window of memory a connection, and time.
        compression=None,
        logger=_Discreet(logging.getLogger("websockets.client"), {}),
        **tls,
    )


def _limits(options: SocketOptions) -> LivenessLimits | None:
    if options.ping_interval_s is None:
        return None
    return LivenessLimits(quiet_s=options.ping_interval_s, answer_s=options.ping_timeout_s)


def _check(headers: Mapping[str, str], subprotocols: Sequence[str]) -> None:
    """Checked here, because the library's own complaints quote the value, which may be a key."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConnectFailed(f"the header {name} holds characters that HTTP does not allow", retryable=False)
    if not all(name and set(name) <= _TOKEN for name in subprotocols):
        raise ConnectFailed("a sub-protocol holds characters that HTTP does not allow", retryable=False)


def _said(fault: Exception) -> str:
    """What a fault of the handshake says: one line, without control characters."""
    text = " ".join(str(fault).split())
    return "".join(character if character.isprintable() else "�" for character in text)
