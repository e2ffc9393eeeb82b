"""URLs of servers: where they lead, and how they are shown without secrets."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_loopback", "origin_of", "without_secrets"]

_PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_SECURE: Final = frozenset({"wss", "https"})
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://")


def origin_of(url: str) -> tuple[bool, str, int | None]:
    """Whether it is encrypted, the host and the port: a key is sent to one origin only. `ws` and `http` are equal.

    Raises:
        ValueError: it is not a URL.
    """
    parts = urlsplit(url)
    return parts.scheme in _SECURE, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def is_loopback(url: str) -> bool:
    """Whether it leads to this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or not a URL
        return False


def without_secrets(url: str) -> str:
    """The URL for messages and logs: without query and password, which may be keys."""
    url = url.strip()
    has_scheme = _SCHEME.match(url) is not None  # else `urlsplit` would take a host, or the name of a user, for one
    try:
        parts = urlsplit(url if has_scheme else f"//{url.lstrip('/')}")
        host = parts.hostname or ""
    except ValueError:
        return "the given address"
    scheme = f"{parts.scheme}://" if has_scheme else ""
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:  # a password with a slash in it looks like a port
        return f"{scheme}{host}"
    return f"{scheme}{f'[{host}]' if ':' in host else host}{port}{parts.path}"
