"""Why a handshake failed: one sentence for each way in which it can, without secrets."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Final

from websockets.exceptions import InvalidMessage, InvalidProxy, InvalidStatus, InvalidURI, ProxyError

from duologue.errors import ConnectFailed
from duologue.printable import printable
from duologue.transports.addresses import without_secrets
from duologue.transports.http_answers import HttpAnswer, refusal
from duologue.transports.library.handshake_trace import HandshakeTrace
from duologue.transports.network_faults import network_failure
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.socket_options import RETRYABLE_STATUS

__all__ = ["Handshake", "handshake_failure"]

_MAX_QUOTED: Final = 80
"""Characters of what answered in another protocol: its first line names it."""

_TLS_RECORDS: Final = (b"\x15\x03", b"\x16\x03")
"""How an alert and a handshake of TLS begin: RFC 8446, section 5.1."""

_PROXY_AUTHENTICATION: Final = 407


class Handshake:
    """A handshake as it was begun, and what came of it. Holds the key."""

    def __init__(
        self, url: str, headers: Mapping[str, str], subprotocols: Sequence[str], *, open_timeout: float
    ) -> None:
        self.url = url
        self.shown_url: str = without_secrets(url)
        self.is_secure: bool = url.startswith("wss:")
        self.open_timeout = open_timeout
        self.proxy: str | None = None
        """The proxy on the way; None: there is none."""
        self.trace: HandshakeTrace = HandshakeTrace()
        self._headers = headers
        self._subprotocols = subprotocols

    @property
    def has_key(self) -> bool:
        """Whether something was sent that may be a key."""
        return any(handshake_secrets(self.url, self._headers, self._subprotocols))

    @property
    def mask(self) -> SecretMask:
        """Hides what was sent."""
        return SecretMask(handshake_secrets(self.url, self._headers, self._subprotocols, proxy=self.proxy))

    def refused(self, answer: HttpAnswer) -> ConnectFailed:
        """The exception for an HTTP answer."""
        return refusal(self.url, answer, mask=self.mask, has_key=self.has_key)


def handshake_failure(fault: Exception, handshake: Handshake) -> ConnectFailed:
    """The exception for what the library, asyncio or the system raised."""
    match fault:
        case InvalidStatus():
            response = fault.response
            headers = {name.lower(): value for name, value in response.headers.raw_items()}
            body = bytes(response.body or b"")
            return handshake.refused(HttpAnswer(status=response.status_code, headers=headers, body=body))
        case InvalidProxy():
            return _failure("the proxy is not an address like http://proxy.example:3128")
        case ProxyError():
            return _proxy_failure(fault, handshake)
        case ssl.SSLError():  # before ValueError, which an error of a certificate is too
            return network_failure(handshake.shown_url, fault)
        case TimeoutError() if fault.errno is None:
            return _timeout(handshake)
        case OSError() if handshake.proxy is not None and not handshake.trace.is_connected:
            proxy = without_secrets(handshake.proxy)
            return network_failure(proxy, fault, name=f"the proxy {proxy}, which leads to {handshake.shown_url}")
        case OSError():
            return network_failure(handshake.shown_url, fault, is_connected=handshake.trace.is_connected)
        case InvalidURI() | ValueError():
            return _failure(f"{handshake.shown_url} is not a WebSocket URL (ws://… or wss://…)")
        case ImportError():
            return _failure("a SOCKS proxy needs one more package: pip install python-socks")
        case _:
            return _no_websocket(fault, handshake)


def _failure(message: str, *, retryable: bool = False) -> ConnectFailed:
    return ConnectFailed(message, retryable=retryable)


def _proxy_failure(fault: ProxyError, handshake: Handshake) -> ConnectFailed:
    shown = without_secrets(handshake.proxy or "")
    status: int | None = getattr(getattr(fault, "response", None), "status_code", None)
    if status is None:
        return _failure(f"{shown} is no proxy: what answers there does not lead to {handshake.shown_url}")
    if status == _PROXY_AUTHENTICATION:
        remedy = "write http://name:password@… in proxy=, or in the variable of the environment that names it"
        return _failure(f"the proxy {shown} asks for a name and a password, or refuses them (HTTP {status}): {remedy}")
    return _failure(
        f"the proxy {shown} does not lead to {handshake.shown_url} (HTTP {status})",
        retryable=status in RETRYABLE_STATUS,
    )


def _timeout(handshake: Handshake) -> ConnectFailed:
    trace = handshake.trace
    late = f"{handshake.shown_url} did not answer within {handshake.open_timeout:g} s"
    if trace.answer is not None:
        return handshake.refused(trace.answer)
    if trace.received:
        return _no_websocket(None, handshake)
    if trace.is_connected:
        return _failure(f"{late}: it took the connection, and then said nothing to the handshake", retryable=True)
    if handshake.proxy is not None:
        return _failure(f"{late} by way of the proxy {without_secrets(handshake.proxy)}", retryable=True)
    if handshake.is_secure:
        reason = "no TLS connection came about; the host is down or slow, or speaks no TLS on this port (ws://)"
        return _failure(f"{late}: {reason}", retryable=True)
    return _failure(
        f"{late}: no connection came about; the host is down, or a firewall drops what is sent", retryable=True
    )


def _no_websocket(fault: Exception | None, handshake: Handshake) -> ConnectFailed:
    """The exception for an answer that is no WebSocket's, or for a connection that ended without one."""
    shown, trace = handshake.shown_url, handshake.trace
    if fault is not None and not isinstance(fault, InvalidMessage):
        problem = printable(handshake.mask.applied(" ".join(str(fault).split())), max_characters=_MAX_QUOTED)
        return _failure(f"{shown} does not speak WebSocket: its answer does not fit ({problem})")
    if trace.answer is not None:
        return handshake.refused(trace.answer)
    if trace.received.startswith(_TLS_RECORDS) and not handshake.is_secure:
        return _failure(f"{shown} speaks TLS: write wss:// instead of ws://")
    if trace.received:
        line = trace.received.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        quoted = printable(handshake.mask.applied(line), max_characters=_MAX_QUOTED)
        return _failure(f'{shown} does not speak WebSocket: it answered "{quoted}"')
    if isinstance(trace.broken_by, OSError):
        return network_failure(shown, trace.broken_by, is_connected=True)
    hint = "" if handshake.is_secure else "; servers with TLS alone do so, and want wss://"
    return _failure(f"{shown} closed the connection without an answer to the handshake{hint}", retryable=True)
