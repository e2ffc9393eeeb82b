"""How a WebSocket opens and ends, in our words: options, redirects, faults and closes."""

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
    "close_of",
    "handshake_faults",
    "library_options",
    "limits_of",
    "redirect_of",
]

_MAX_SAID_CHARACTERS: Final = 600
"""Of what another library says of a handshake: it may quote the server."""

_MOST_REDIRECTS: Final = 3
"""A path that moved takes one, a trailing slash another; more than that go in circles."""

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})

_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What HTTP allows in the name of a sub-protocol."""

_NO_STATUS_RECEIVED: Final = 1005
_ABNORMAL_CLOSURE: Final = 1006
_MESSAGE_TOO_BIG: Final = 1009


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """A logger without a level of detail that would write down keys and voices."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


def library_options(
    url: str, headers: Mapping[str, str], subprotocols: Sequence[str], options: SocketOptions
) -> dict[str, Any]:
    """What the library is told when it connects."""
    proxy: Any = options.proxy
    if proxy == ENVIRONMENT:
        proxy = None if is_loopback(url) else True
    # Given at all only where it is meant: the library refuses an `ssl` beside a `ws` URL.
    tls: dict[str, Any] = {} if options.ssl is None else {"ssl": options.ssl}
    return {
        "additional_headers": dict(headers),
        "subprotocols": [Subprotocol(name) for name in subprotocols] or None,
        "proxy": proxy,
        "max_size": options.max_message_bytes,
        "open_timeout": options.open_timeout,
        # The library's pings take an application that does not read for a dead peer.
        "ping_interval": None,
        # Audio in base64 does not shrink; compressing it costs a window of memory a connection, and time.
        "compression": None,
        "logger": _Discreet(logging.getLogger("websockets.client"), {}),
        **tls,
    }


def limits_of(options: SocketOptions) -> LivenessLimits | None:
    """How long the connection may be silent; None: for ever."""
    if options.ping_interval is None:
        return None
    return LivenessLimits(quiet_s=options.ping_interval, answer_s=options.ping_timeout)


def check_handshake(headers: Mapping[str, str], subprotocols: Sequence[str]) -> None:
    """Checked here, because the library's own complaints quote the value, which may be a key.

    Raises:
        ConnectFailed: HTTP does not allow one of them.
    """
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConnectFailed(f"the header {name} holds characters that HTTP does not allow", retryable=False)
    if not all(name and set(name) <= _TOKEN for name in subprotocols):
        raise ConnectFailed("a sub-protocol holds characters that HTTP does not allow", retryable=False)


def redirect_of(fault: Exception, url: str, *, followed: int) -> str | ConnectFailed | None:
    """Where a refused handshake leads: the next URL, the reason not to go there, or None if it is no redirect.

    Only within the URL's own origin: the library would take a key along in its query and most headers.
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
    if followed >= _MOST_REDIRECTS:
        return ConnectFailed(f"{shown} redirects more than {_MOST_REDIRECTS} times", retryable=False)
    scheme, _, rest = target.partition(":")
    return f"{scheme.replace('http', 'ws')}:{rest}"


@contextmanager
def handshake_faults(url: str, subprotocols: Sequence[str], options: SocketOptions) -> Generator[None, None, None]:
    """Turn what connecting raises into ConnectFailed, in sentences that hold no secrets."""
    shown = without_secrets(url)
    try:
        yield
    except ConnectFailed as refused:
        raise refused from None  # the answer behind it may quote what was sent: so below
    except InvalidStatus as fault:
        status = fault.response.status_code
        raise ConnectFailed(
            f"{shown} answered the handshake with HTTP {status}", retryable=status in RETRYABLE_STATUS, status=status
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
        raise ConnectFailed(f"{shown} did not answer within {options.open_timeout:g} s", retryable=True) from fault
    except OSError as fault:
        raise ConnectFailed(f"cannot reach {shown}: {fault.strerror or fault}", retryable=True) from fault


def close_of(fault: WebSocketClosed, *, largest_sent_bytes: int, verdict: str | None) -> ConnectionClosed:
    """The exception of a close, with a reason that says what to do about it where the frame does not.

    `verdict` is why this side cut the connection, if it did.
    """
    frame = fault.rcvd or fault.sent
    if frame is None:
        return ConnectionClosedError(_ABNORMAL_CLOSURE, verdict or "the connection broke off")
    code, reason = frame.code or _NO_STATUS_RECEIVED, frame.reason
    if fault.sent is not None and fault.sent.code == _MESSAGE_TOO_BIG and not fault.rcvd_then_sent:
        code = _MESSAGE_TOO_BIG
        reason = f"a message from the server is larger than max_message_bytes: {fault.sent.reason}"
    elif code == _MESSAGE_TOO_BIG:
        said = f", it says: {reason}" if reason else ""
        reason = f"the server takes no such message; the largest sent had {largest_sent_bytes} bytes{said}"
    kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
    return kind(code, reason)


def _said(fault: Exception) -> str:
    """What a fault of the handshake says: one line, without control characters."""
    return printable(" ".join(str(fault).split()), max_characters=_MAX_SAID_CHARACTERS)
