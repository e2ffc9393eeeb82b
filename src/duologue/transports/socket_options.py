"""Options of a client's WebSocket, apart from its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from duologue.protocol.liveness import LivenessLimits
from duologue.transports.addresses import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ssl import SSLContext

__all__ = [
    "ENVIRONMENT",
    "MAX_MESSAGE_BYTES",
    "OPEN_TIMEOUT_S",
    "PING_INTERVAL_S",
    "PING_TIMEOUT_S",
    "RETRYABLE_STATUS",
    "SocketOptions",
]

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""The protocol allows 15 MiB of audio in one append; the library's default of 1 MiB would cut honest peers off."""

OPEN_TIMEOUT_S: Final = 10.0
"""DNS, TCP, TLS and HTTP take a second together; a server that has to start first takes a few."""

PING_INTERVAL_S: Final = LivenessLimits().quiet_s
PING_TIMEOUT_S: Final = LivenessLimits().answer_s

RETRYABLE_STATUS: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers after which another try can succeed."""

ENVIRONMENT: Final = "environment"
"""The proxy that `HTTPS_PROXY` and similar variables or the system's settings name."""


class SocketOptions(Struct, frozen=True, kw_only=True):
    """How a WebSocket is opened and kept alive."""

    ssl: SSLContext | None = None
    """For `wss` only. None: what Python trusts by default."""
    proxy: str | None = ENVIRONMENT
    """The URL of an HTTP or SOCKS proxy, which may hold a password; None: no proxy. "environment" follows the
    environment, except to this machine."""
    max_message_bytes: int = MAX_MESSAGE_BYTES
    """Of received messages. A larger one ends the connection with code 1009."""
    open_timeout: float = OPEN_TIMEOUT_S
    """Seconds up to the end of the handshake, redirects included."""
    ping_interval: float | None = PING_INTERVAL_S
    """Seconds without a message after which a ping is sent; None: never."""
    ping_timeout: float = PING_TIMEOUT_S
    """Seconds without an answer to the ping after which the connection counts as dead."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:  # type: ignore[override]  # rich takes any iterable
        for name in self.__struct_fields__:
            value = getattr(self, name)
            yield name, without_secrets(value) if name == "proxy" and value not in (None, ENVIRONMENT) else value
