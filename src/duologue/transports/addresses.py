"""URLs of servers: where they lead, and how they are shown without secrets."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

__all__ = ["is_loopback", "origin_of", "without_secrets"]

_PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_SECURE: Final = frozenset({"wss", "https"})


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
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "the given address"
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:  # a password with a slash in it looks like a port
        return f"{parts.scheme}://{host}"
    return urlunsplit((parts.scheme, f"[{host}]{port}" if ":" in host else host + port, parts.path, "", ""))
