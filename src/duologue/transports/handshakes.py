"""Between this package and the `websockets` library: options, redirects, closes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from websockets.asyncio.client import get_proxy  # type: ignore[attr-defined]  # its home differs between versions
from websockets.exceptions import ConnectionClosed as WebSocketClosed
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from duologue.errors import ConnectFailed, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.printable import printable_name
from duologue.protocol.liveness import LivenessLimits
from duologue.transports.addresses import is_loopback, origin_of, without_secrets
from duologue.transports.library.handshake_trace import HandshakeTrace, TracedConnection
from duologue.transports.socket_options import ENVIRONMENT, SocketOptions

__all__ = [
    "check_handshake",
    "closed_error",
    "library_options",
    "liveness_limits",
    "proxy_for",
    "redirect_target",
]

_MAX_REDIRECTS: Final = 3
"""A path that moved takes one, a trailing slash another; more are a circle."""

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})

_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Characters of a sub-protocol's name: tokens of RFC 9110, section 5.6.2."""

# Close codes: RFC 6455, section 7.4.1.
_NO_STATUS_RECEIVED: Final = 1005
_ABNORMAL_CLOSURE: Final = 1006
_MESSAGE_TOO_BIG: Final = 1009


class _WithoutDebug(logging.LoggerAdapter[logging.Logger]):
    """A logger without the level DEBUG, on which the library writes keys and audio."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


def library_options(
    headers: Mapping[str, str],
    subprotocols: Sequence[str],
    options: SocketOptions,
    *,
    proxy: str | None,
    trace: HandshakeTrace,
) -> dict[str, Any]:
    """The keywords with which the library connects."""
    # Only if it is given: the library rejects `ssl` with a `ws` URL.
    tls: dict[str, Any] = {} if options.ssl is None else {"ssl": options.ssl}
    return {
        "additional_headers": dict(headers),
        "subprotocols": [Subprotocol(name) for name in subprotocols] or None,
        "proxy": proxy,
        "max_size": options.max_message_bytes,
        "open_timeout": options.open_timeout,
        # The library's own pings would take an application that does not read for a dead peer: see `liveness`.
        "ping_interval": None,
        # Audio in base64 hardly shrinks; compressing it costs time, and memory for each connection.
        "compression": None,
        "logger": _WithoutDebug(logging.getLogger("websockets.client"), {}),
        "create_connection": partial(TracedConnection, trace),
        **tls,
    }


def proxy_for(url: str, options: SocketOptions) -> str | None:
    """The URL of the proxy on the way to this URL; None: there is none.

    Raises:
        websockets.exceptions.InvalidURI: it is not a WebSocket URL.
    """
    if options.proxy != ENVIRONMENT:
        return options.proxy
    proxy: str | None = None if is_loopback(url) else get_proxy(parse_uri(url))
    return proxy


def liveness_limits(options: SocketOptions) -> LivenessLimits | None:
    """How long the connection may be silent; None: without limit."""
    if options.ping_interval is None:
        return None
    return LivenessLimits(quiet_s=options.ping_interval, answer_s=options.ping_timeout)


def check_handshake(url: str, headers: Mapping[str, str], subprotocols: Sequence[str], options: SocketOptions) -> None:
    """Check what is sent before the library does: its errors quote the value, which may be a key.

    Raises:
        ConnectFailed: HTTP does not allow a header or a sub-protocol, or there is no TLS for the context.
    """
    if options.ssl is not None and url.startswith("ws:"):
        shown = without_secrets(url)
        raise ConnectFailed(f"{shown} has no TLS, for which ssl= is: write wss://, or leave it out", retryable=False)
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConnectFailed(f"the header {name} holds characters that HTTP does not allow", retryable=False)
    if not all(name and set(name) <= _TOKEN for name in subprotocols):
        raise ConnectFailed("a sub-protocol holds characters that HTTP does not allow", retryable=False)


def redirect_target(fault: Exception, url: str, *, followed: int) -> str | ConnectFailed | None:
    """Where the answer to a handshake redirects: the next URL, an error, or None if it is not a redirect.

    Redirects are followed only within the URL's own origin: the library would send a key, in the query and in most
    headers, to any other.
    """
    if not isinstance(fault, InvalidStatus) or fault.response.status_code not in _REDIRECTS:
        return None
    location = fault.response.headers.get("Location")
    if location is None:
        return None
    shown = without_secrets(url)
    try:
        target = urljoin(url, location)
        same = origin_of(target) == origin_of(url)
    except ValueError:
        return None
    if not same:
        to = urlsplit(without_secrets(target))
        return ConnectFailed(
            f"{shown} redirects to another origin, {printable_name(f'{to.scheme}://{to.netloc}')}, where keys do not"
            " follow; if you trust it, connect to its own address",
            retryable=False,
        )
    if followed >= _MAX_REDIRECTS:
        return ConnectFailed(f"{shown} redirects more than {_MAX_REDIRECTS} times", retryable=False)
    scheme, _, rest = target.partition(":")
    return f"{scheme.replace('http', 'ws')}:{rest}"


def closed_error(fault: WebSocketClosed, *, largest_sent_bytes: int, cut_reason: str | None) -> ConnectionClosed:
    """The exception for a close, with a reason that helps where that of the close frame does not.

    `cut_reason` is why this side cut the connection, if it did.
    """
    frame = fault.rcvd or fault.sent
    if frame is None:
        return ConnectionClosedError(_ABNORMAL_CLOSURE, cut_reason or "the connection broke off")
    code, reason = frame.code or _NO_STATUS_RECEIVED, frame.reason
    if fault.sent is not None and fault.sent.code == _MESSAGE_TOO_BIG and not fault.rcvd_then_sent:
        code = _MESSAGE_TOO_BIG
        reason = f"a message from the server is larger than max_message_bytes: {fault.sent.reason}"
    elif code == _MESSAGE_TOO_BIG:
        quoted = f", it says: {reason}" if reason else ""
        reason = f"the server takes no such message; the largest sent had {largest_sent_bytes} bytes{quoted}"
    kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
    return kind(code, reason)
