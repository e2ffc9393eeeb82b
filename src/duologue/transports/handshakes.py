"""Between this package and the `websockets` library: options, redirects, errors of the handshake, closes."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urljoin

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
from duologue.printable import printable
from duologue.protocol.liveness import LivenessLimits
from duologue.transports.addresses import is_loopback, origin_of, without_secrets
from duologue.transports.socket_options import ENVIRONMENT, RETRYABLE_STATUS, SocketOptions

__all__ = [
    "check_handshake",
    "closed_error",
    "handshake_faults",
    "library_options",
    "liveness_limits",
    "redirect_target",
]

_MAX_QUOTED_CHARACTERS: Final = 600
"""Of another library's message about a handshake: it may quote the server."""

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
    url: str, headers: Mapping[str, str], subprotocols: Sequence[str], options: SocketOptions
) -> dict[str, Any]:
    """The keywords with which the library connects."""
    proxy: Any = options.proxy
    if proxy == ENVIRONMENT:
        proxy = None if is_loopback(url) else True
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
        **tls,
    }


def liveness_limits(options: SocketOptions) -> LivenessLimits | None:
    """How long the connection may be silent; None: without limit."""
    if options.ping_interval is None:
        return None
    return LivenessLimits(quiet_s=options.ping_interval, answer_s=options.ping_timeout)


def check_handshake(headers: Mapping[str, str], subprotocols: Sequence[str]) -> None:
    """Check headers and sub-protocols before the library does: its errors quote the value, which may be a key.

    Raises:
        ConnectFailed: HTTP does not allow one of them.
    """
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
        return ConnectFailed(
            f"{shown} redirects to another origin, where keys do not follow; if you trust it, connect to its"
            " own address",
            retryable=False,
        )
    if followed >= _MAX_REDIRECTS:
        return ConnectFailed(f"{shown} redirects more than {_MAX_REDIRECTS} times", retryable=False)
    scheme, _, rest = target.partition(":")
    return f"{scheme.replace('http', 'ws')}:{rest}"


@contextmanager
def handshake_faults(url: str, subprotocols: Sequence[str], options: SocketOptions) -> Generator[None, None, None]:
    """Turn what connecting raises into ConnectFailed, with messages that hold no secrets."""
    shown = without_secrets(url)
    try:
        yield
    except ConnectFailed as fault:
        raise fault from None  # its cause may quote what was sent; so may those below
    except InvalidStatus as fault:
        status = fault.response.status_code
        raise ConnectFailed(
            f"{shown} answered the handshake with HTTP {status}", retryable=status in RETRYABLE_STATUS, status=status
        ) from None
    except InvalidProxy:
        # Without its cause, which quotes the address and its password.
        raise ConnectFailed("the proxy is not an address like http://proxy.example:3128", retryable=False) from None
    except ProxyError as fault:
        raise ConnectFailed(f"the proxy does not lead to {shown}: {_quoted(fault)}", retryable=True) from None
    except (InvalidURI, ValueError):  # ValueError: a port that is not a number
        # Without its cause, which quotes the URL and its query.
        raise ConnectFailed(f"{shown} is not a WebSocket URL (ws://… or wss://…)", retryable=False) from None
    except (InvalidHandshake, WebSocketException) as fault:
        # An error about sub-protocols quotes them, and one may be a key.
        problem, cause = ("its answer does not fit", None) if subprotocols else (_quoted(fault), fault)
        raise ConnectFailed(f"{shown} does not speak WebSocket: {problem}", retryable=False) from cause
    except ImportError as fault:
        raise ConnectFailed(
            "a SOCKS proxy needs one more package: pip install python-socks", retryable=False
        ) from fault
    except TimeoutError as fault:
        raise ConnectFailed(f"{shown} did not answer within {options.open_timeout:g} s", retryable=True) from fault
    except OSError as fault:
        raise ConnectFailed(f"cannot reach {shown}: {fault.strerror or fault}", retryable=True) from fault


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


def _quoted(fault: Exception) -> str:
    """The message of an error of the handshake: one line, without control characters, of bounded length."""
    return printable(" ".join(str(fault).split()), max_characters=_MAX_QUOTED_CHARACTERS)
