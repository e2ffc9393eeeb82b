"""From the address that a user writes to the URL of a session's WebSocket."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from duologue.errors import ConnectFailed

__all__ = ["split_session_url"]

_REALTIME: Final = "/realtime"
_PATH: Final = f"/v1{_REALTIME}"

_SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://")
_CUT_SCHEME: Final = re.compile(r"(wss?|https?)(:/?|//+)(?!/)", re.IGNORECASE)
"""`ws:host`, `wss:/host`, `https//host`; a host of the name `ws` with a port is taken for it too."""
_FILE: Final = re.compile(r"/(?!/)|[.~]|(?:\w{1,5}\+)?unix:|[A-Za-z]:\\", re.IGNORECASE)
"""A path of a file system, or a URL of a Unix socket."""

_API_BASE: Final = re.compile(r"(?:^|/)v\d+$")
"""Paths that other clients call the base URL: `/v1`, `/openai/v1`, `/api/paas/v4`."""

_PORT_SCHEMES: Final = {443: "wss", 8443: "wss", 80: "ws"}
"""Of an address without a scheme: ports that IANA has registered for one of them, or that are used for it alone."""

_PRIVATE_ENDS: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""Names that no certificate authority signs: RFC 6761, RFC 6762, ICANN's `.internal`, RFC 8375, and usual names."""

_HOST_FORMS: Final = "write wss://api.example.com/v1/realtime, or localhost:8000"


def split_session_url(text: str, *, secure: bool = False) -> SplitResult:
    """The parts of a session's URL, completed: its scheme is `ws` or `wss`, and it has a path.

    Without a path, or with one that ends in a version such as `/v1`, it is a server's base URL, and gets the path of
    the realtime API. `http` and `https` become `ws` and `wss`. An address without a scheme gets `ws` if its port is 80
    or its host is this machine, a private address or a local name, and otherwise, or with `secure`, `wss`.

    Raises:
        ConnectFailed: it is no such URL. The message does not quote it, because it may hold a key.
    """
    text = text.strip()
    if not text:
        raise _invalid(f"the URL is empty: {_HOST_FORMS}")
    if not text.isprintable() or " " in text:
        raise _invalid("this is not a URL: it holds a space or a control character")
    if _FILE.match(text):
        raise _invalid(f"this is the path of a file or a socket; a session is opened over TCP: {_HOST_FORMS}")
    if (cut := _CUT_SCHEME.match(text)) is not None:
        raise _invalid(f"this is not a URL: write {cut[1].lower()}:// with a colon and two slashes")
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in _SCHEMES:
        raise _invalid(f"a session's URL begins with wss:// or ws://, not with {scheme[1]}://")
    parts = _split(text if scheme is not None else f"//{_bracketed(text.removeprefix('//'))}")
    port = _port(parts)
    guessed = scheme is None
    name = ("wss" if secure else _usual_scheme(parts.hostname or "", port)) if guessed else _SCHEMES[parts.scheme]
    return parts._replace(scheme=name, path=_completed(parts.path), fragment="")


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:  # without its text, which may quote a password
        raise _invalid("this is not a URL: the brackets around its host do not match, or hold no address") from None
    host = parts.netloc.rpartition("@")[2]
    if host.count(":") > 1 and not host.startswith("["):
        raise _invalid("this is not a URL: write an IPv6 address in brackets, as in ws://[::1]:8000")
    if not parts.hostname:
        raise _invalid(f"this URL names no host: {_HOST_FORMS}")
    if not _is_host(parts.hostname):
        raise _invalid("this is not a URL: its host is neither an address nor a name that DNS allows")
    return parts


def _is_host(host: str) -> bool:
    """Whether it is an address, or labels of 1 to 63 characters (RFC 1035, section 2.3.4); names of Docker have `_`."""
    if ":" in host:  # `urlsplit` has checked it
        return True
    try:
        labels = host.rstrip(".").encode("idna").decode("ascii").split(".")
    except UnicodeError:
        return False
    return all(re.fullmatch(r"[A-Za-z0-9_-]{1,63}", label) for label in labels)


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        # A slash or a question mark inside a password ends the host too early, so what stands there is not shown.
        port = 0
    if port == 0:
        raise _invalid("this is not a URL: its port is not a number from 1 to 65535")
    return port


def _bracketed(text: str) -> str:
    """The text; with brackets, if it is an IPv6 address without a port and a path."""
    try:
        return f"[{text}]" if ipaddress.ip_address(text).version == 6 else text
    except ValueError:
        return text


def _usual_scheme(host: str, port: int | None) -> str:
    if port in _PORT_SCHEMES:
        return _PORT_SCHEMES[port]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name of one label is resolved by this machine or its network: localhost, or a container's name.
        return "ws" if "." not in host.rstrip(".") or host.rstrip(".").endswith(_PRIVATE_ENDS) else "wss"
    return "ws" if address.is_private or address.is_loopback or address.is_link_local else "wss"


def _completed(path: str) -> str:
    bare = path.rstrip("/")
    if not bare:
        return _PATH
    if _API_BASE.search(bare):
        return bare + _REALTIME
    # Few servers know this path with a slash behind it. Other paths are the application's own.
    return bare if bare.endswith(_REALTIME) else path


def _invalid(message: str) -> ConnectFailed:
    return ConnectFailed(message, retryable=False)
