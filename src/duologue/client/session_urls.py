"""From the address that a user writes to the URL of a session's WebSocket."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from duologue.errors import ConnectFailed

__all__ = [
    "call_path",
    "check_no_live_url",
    "completed_path",
    "invalid_url",
    "names_calls",
    "session_path",
    "split_server_url",
    "split_session_url",
]

_REALTIME: Final = "/realtime"
_BASE: Final = "/v1"
_CALLS: Final = "/calls"

_SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://")
_CUT_SCHEME: Final = re.compile(r"(wss?|https?)(:/?|//+)(?!/)", re.IGNORECASE)
"""`ws:host`, `wss:/host`, `https//host`; a host of the name `ws` with a port is taken for it too."""
_FILE: Final = re.compile(r"/(?!/)|[.~]|(?:\w{1,5}\+)?unix:|[A-Za-z]:\\", re.IGNORECASE)
"""A path of a file system, or a URL of a Unix socket."""

_API_BASE: Final = re.compile(r"(?:^|/)v\d+$")
"""Paths that other clients call the base URL: `/v1`, `/openai/v1`, `/api/paas/v4`."""

_OF_LIVE: Final = re.compile(r"/live/sessions(?:/[^/]+/(?:attach|fork))?/*$")

_PORT_SCHEMES: Final = {443: "wss", 8443: "wss", 80: "ws"}
"""Of an address without a scheme: ports that IANA has registered for one of them, or that are used for it alone."""

_PRIVATE_ENDS: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""Names that no certificate authority signs: RFC 6761, RFC 6762, ICANN's `.internal`, RFC 8375, and usual names."""


def split_session_url(text: str, *, secure: bool = False) -> SplitResult:
    """The parts of a session's URL, completed: its scheme is `ws` or `wss`, and it has a path.

    Without a path, or with one that ends in a version such as `/v1`, it is a server's base URL, and gets the path of
    the realtime API. `http` and `https` become `ws` and `wss`. An address without a scheme gets `ws` if its port is 80
    or its host is this machine, a private address or a local name, and otherwise, or with `secure`, `wss`.

    Raises:
        ConnectFailed: it is no such URL. The message does not quote it, because it may hold a key.
    """
    parts = split_server_url(text, secure=secure, example_path=_BASE + _REALTIME)
    return parts._replace(path=completed_path(parts.path, base=_BASE, endpoint=_REALTIME))


def split_server_url(text: str, *, secure: bool = False, example_path: str) -> SplitResult:
    """The parts of a URL as it was written, with a scheme: `ws` or `wss`, as `split_session_url` says.

    Raises:
        ConnectFailed: it is no such URL; the message shows one with the example's path.
    """
    forms = f"write wss://api.example.com{example_path}, or localhost:8000"
    text = text.strip()
    if not text:
        raise invalid_url(f"the URL is empty: {forms}")
    if not text.isprintable() or " " in text:
        raise invalid_url("this is not a URL: it holds a space or a control character")
    if _FILE.match(text):
        raise invalid_url(f"this is the path of a file or a socket; a session is opened over TCP: {forms}")
    if (cut := _CUT_SCHEME.match(text)) is not None:
        raise invalid_url(f"this is not a URL: write {cut[1].lower()}:// with a colon and two slashes")
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in _SCHEMES:
        raise invalid_url(f"a session's URL begins with wss:// or ws://, not with {scheme[1]}://")
    parts = _split(text if scheme is not None else f"//{_bracketed(text.removeprefix('//'))}", forms)
    port = _port(parts)
    guessed = scheme is None
    name = ("wss" if secure else _usual_scheme(parts.hostname or "", port)) if guessed else _SCHEMES[parts.scheme]
    return parts._replace(scheme=name, fragment="")


def _split(text: str, forms: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:  # without its text, which may quote a password
        raise invalid_url("this is not a URL: the brackets around its host do not match, or hold no address") from None
    host = parts.netloc.rpartition("@")[2]
    if host.count(":") > 1 and not host.startswith("["):
        raise invalid_url("this is not a URL: write an IPv6 address in brackets, as in ws://[::1]:8000")
    if not parts.hostname:
        raise invalid_url(f"this URL names no host: {forms}")
    if not _is_host(parts.hostname):
        raise invalid_url("this is not a URL: its host is neither an address nor a name that DNS allows")
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
        raise invalid_url("this is not a URL: its port is not a number from 1 to 65535")
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


def completed_path(path: str, *, base: str, endpoint: str) -> str:
    """The path of an endpoint, if this one is empty, a base URL's, or the endpoint's already.

    Others are the application's own, and come back as they are.
    """
    bare = path.rstrip("/")
    if not bare:
        return base + endpoint
    if _API_BASE.search(bare):
        return bare + endpoint
    # Few servers know this path with a slash behind it.
    return bare if bare.endswith(endpoint) else path


def names_calls(path: str) -> bool:
    """Whether this is the path at which calls over WebRTC are created."""
    return path.rstrip("/").endswith(_REALTIME + _CALLS)


def call_path(path: str) -> str:
    """The path at which calls are created, from that of sessions; one of the application's own comes back as it is."""
    if names_calls(path):
        return path.rstrip("/")
    return path + _CALLS if path.endswith(_REALTIME) else path


def session_path(path: str) -> str:
    """The path of sessions, from that of calls: where one is joined."""
    return path.rstrip("/").removesuffix(_CALLS) if names_calls(path) else path


def check_no_live_url(url: str) -> None:
    """Check that a session's URL is none of Live, where the server waits for another client to begin.

    Raises:
        ConnectFailed: it is one.
    """
    if _OF_LIVE.search(urlsplit(url).path):
        raise invalid_url("this is a URL of Live, which is another protocol: duologue.live(url, model=…) speaks it")


def invalid_url(message: str) -> ConnectFailed:
    """The error for an address that no attempt can reach."""
    return ConnectFailed(message, retryable=False)
