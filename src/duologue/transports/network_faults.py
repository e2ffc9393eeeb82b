"""Why a server was not reached, or no encryption agreed on, each as one sentence."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from duologue.errors import ConnectFailed
from duologue.printable import printable

__all__ = ["CERTIFICATE_PROBLEMS", "DNS_PROBLEMS", "ERRNO_PROBLEMS", "network_failure", "network_problem"]

_MAX_CHARACTERS: Final = 200
"""Of an operating system's or OpenSSL's own words."""


class _Row(NamedTuple):
    problem: str
    retryable: bool = True


ERRNO_PROBLEMS: Final[Mapping[int, _Row]] = {
    errno.ECONNREFUSED: _Row("connection refused: no server listens on port {port} there"),
    errno.ENETUNREACH: _Row("there is no network, or no way to that network"),
    errno.ENETDOWN: _Row("the network is down"),
    errno.EHOSTUNREACH: _Row("no way leads to that host"),
    errno.EHOSTDOWN: _Row("the host is down"),
    errno.ETIMEDOUT: _Row("the host does not answer on port {port}: it is down, or a firewall drops what is sent"),
    errno.ECONNRESET: _Row("the connection was reset before the handshake was over"),
    errno.ECONNABORTED: _Row("the connection was cut before the handshake was over"),
    errno.EPIPE: _Row("the connection was closed before the handshake was over"),
    errno.EADDRNOTAVAIL: _Row("this machine has no address or no free port to connect from"),
    errno.EACCES: _Row("this machine does not allow the connection: a firewall or a sandbox forbids it"),
    errno.EPERM: _Row("this machine does not allow the connection: a firewall or a sandbox forbids it"),
    errno.EMFILE: _Row("this process has too many open files"),
    errno.ENFILE: _Row("this machine has too many open files"),
}
"""Of several attempts, at several addresses of one host, the first of these is told."""

DNS_PROBLEMS: Final[Mapping[int, _Row]] = {
    # Names are unknown too while a machine has no network, so another try can help.
    socket.EAI_NONAME: _Row("the name {host} is not known: it is misspelled, or DNS does not have it yet"),
    socket.EAI_AGAIN: _Row("DNS does not answer, so the name {host} could not be looked up"),
    socket.EAI_FAIL: _Row("DNS failed to look the name {host} up"),
}
_NO_ADDRESS: Final = _Row("DNS has no address for the name {host}")

_TRUST: Final = "if you trust it, pass ssl=ssl.create_default_context(cafile=…) with the certificate of its authority"

CERTIFICATE_PROBLEMS: Final[Mapping[int, str]] = {
    9: "it is not valid yet; the clock of this machine may be wrong",
    10: "it has expired; who runs the server must renew it",
    18: f"it is signed by itself, and not by an authority that is trusted here; {_TRUST}",
    19: f"its chain ends in an authority that is not trusted here; {_TRUST}",
    20: f"its authority is not trusted here, or the server does not send the whole chain; {_TRUST}",
    21: f"its authority is not trusted here, or the server does not send the whole chain; {_TRUST}",
    23: "it was revoked",
    26: "it was not issued for servers",
    62: "it was issued for other names than {host}; connect by a name that it has",
    64: "it was issued for other addresses than {host}; connect by a name or an address that it has",
    66: "its key is too short to be safe",
    68: "its signature is too weak to be safe",
}
"""What is wrong with a certificate, by `X509_V_ERR_…` of OpenSSL (`x509_vfy.h`)."""

_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"})
"""Reasons of `ssl.SSLError` where what came is no TLS."""

_CUT_OFF: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)

_OTHER_SCHEME: Final[Mapping[str, str]] = {
    "wss": "servers without TLS do so, and want ws://",
    "https": "servers without TLS do so, and want http://",
    "ws": "servers with TLS alone do so, and want wss://",
    "http": "servers with TLS alone do so, and want https://",
}

_CLIENT_CERTIFICATE: Final = frozenset({"TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_CERTIFICATE_REQUIRED"})


def network_failure(
    shown_url: str, fault: OSError, *, name: str | None = None, is_connected: bool = False
) -> ConnectFailed:
    """The exception for an error of the network, of DNS or of TLS.

    `shown_url`, which has no secrets, is the URL that was to be reached; `name` is what the sentence calls it;
    `is_connected` says that TLS, if it was wanted, was agreed on before. asyncio reports attempts at several addresses
    of one host in one error without a number.
    """
    parts, row = urlsplit(shown_url), _row(fault)
    is_doubtful = not (is_connected and parts.scheme in ("wss", "https"))
    if is_doubtful and isinstance(fault, _CUT_OFF) and not isinstance(fault, ConnectionRefusedError):
        row = _Row(f"{row.problem}; {_OTHER_SCHEME[parts.scheme]}")
    default_port = 443 if parts.scheme in ("wss", "https") else 80
    problem = row.problem.format(host=parts.hostname, port=parts.port or default_port)
    return ConnectFailed(f"cannot reach {name or shown_url}: {problem}", retryable=row.retryable)


def network_problem(fault: OSError, *, host: str, port: int) -> str:
    """The same without the URL, and without doubts about its scheme: what is wrong, in half a sentence."""
    return _row(fault).problem.format(host=host, port=port)


def _row(fault: OSError) -> _Row:
    if isinstance(fault, ssl.SSLError):
        return _tls_row(fault)
    if isinstance(fault, socket.gaierror):
        return DNS_PROBLEMS.get(fault.errno or 0, _NO_ADDRESS)
    numbers = {fault.errno} if fault.errno else {int(each) for each in re.findall(r"\[Errno (\d+)\]", str(fault))}
    known = [row for number, row in ERRNO_PROBLEMS.items() if number in numbers]
    return known[0] if known else _Row(_escaped(fault.strerror or str(fault) or type(fault).__name__))


def _tls_row(fault: ssl.SSLError) -> _Row:
    if isinstance(fault, ssl.SSLCertVerificationError):
        known = CERTIFICATE_PROBLEMS.get(fault.verify_code)
        what = known or f"{_escaped(fault.verify_message)} (OpenSSL {fault.verify_code}); {_TRUST}"
        return _Row(f"its TLS certificate is not accepted: {what}", retryable=False)
    reason: str = getattr(fault, "reason", None) or ""  # those that OpenSSL did not report have none
    if reason in _NO_TLS:
        return _Row("what answers there speaks no TLS: write ws:// instead of wss://", retryable=False)
    if reason in _CLIENT_CERTIFICATE:
        return _Row("it wants a certificate of yours: pass ssl= with a context that has one", retryable=False)
    if isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _Row("the connection was closed during the TLS handshake")
    words = _escaped(reason.replace("_", " ").lower() or fault.strerror or str(fault))
    return _Row(f"no TLS connection came about: {words}", retryable=False)


def _escaped(words: str) -> str:
    """Another's words on one line, for `str.format`."""
    return printable(" ".join(words.split()), max_characters=_MAX_CHARACTERS).replace("{", "{{").replace("}", "}}")
