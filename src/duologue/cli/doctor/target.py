"""What is examined: the addresses that a URL leads to, and how they are asked."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from duologue.cli.errors import UsageError
from duologue.client.endpoint import Endpoint
from duologue.client.session_urls import names_calls, session_path, split_session_url
from duologue.errors import ConnectFailed
from duologue.printable import printable_name
from duologue.transports.addresses import without_secrets
from duologue.transports.handshakes import proxy_for
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.socket_options import SocketOptions

__all__ = ["DoctorTarget", "Way", "target_of_url"]

Way: TypeAlias = Literal["websocket", "webrtc", "live"]

_CALLS: Final = "/calls"
_REALTIME: Final = "/realtime"
_LIVE: Final = "/live/sessions"

_PROXIES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})

_HTTP: Final = {"ws": "http", "wss": "https"}
_PORTS: Final = {"ws": 80, "wss": 443}


class DoctorTarget(Struct, frozen=True, kw_only=True):
    """A server, and what the user's URL says of it."""

    endpoint: Endpoint
    """Of its WebSocket; its key is sent nowhere but to the server."""
    named: Way
    """The way to hold a session that the URL names; this one is expected to work."""
    origin: str | None = None
    """Of the web page that is to use it."""
    step_s: float = 10.0
    """What any one step may take."""
    proxy: str | None = None
    """The proxy on the way."""

    @property
    def session_url(self) -> str:
        """The URL of the WebSocket, without the key."""
        return self.endpoint.session_url()

    @property
    def shown(self) -> str:
        """The URL for people."""
        return without_secrets(self.session_url)

    @property
    def title(self) -> str:
        """The URL that the user named, for people."""
        return without_secrets(self.calls_url if self.named == "webrtc" else self.session_url)

    @property
    def host(self) -> str:
        """The host's name or address."""
        return urlsplit(self.session_url).hostname or ""

    @property
    def is_secure(self) -> bool:
        """Whether it is encrypted."""
        return urlsplit(self.session_url).scheme == "wss"

    @property
    def port(self) -> int:
        """The port."""
        parts = urlsplit(self.session_url)
        return parts.port or _PORTS[parts.scheme]

    @property
    def is_streamed(self) -> bool:
        """Whether HTTP can be spoken to the server: directly, or by way of a plain HTTP proxy."""
        return self.proxy is None or urlsplit(self.proxy).scheme == "http"

    @property
    def socket(self) -> SocketOptions:
        """How WebSockets are opened: without pings of their own, and a little faster than a step may take."""
        return SocketOptions(open_timeout=self.step_s * 0.9, ping_interval=None, proxy=self.proxy)

    def http_url(self, path: str | None = None) -> str:
        """The URL of a path over HTTP, by default the session's with its query."""
        parts = urlsplit(self.session_url)
        parts = parts._replace(scheme=_HTTP[parts.scheme])
        return (parts if path is None else parts._replace(path=path, query="")).geturl()

    @property
    def calls_url(self) -> str:
        """Where WebRTC calls are created."""
        return self.http_url(_sibling(urlsplit(self.session_url).path, f"{_REALTIME}{_CALLS}"))

    @property
    def live_url(self) -> str:
        """Where Live sessions are."""
        parts = urlsplit(self.session_url)
        return parts._replace(path=_sibling(parts.path, _LIVE), query="").geturl()

    @property
    def mask(self) -> SecretMask:
        """Hides what is sent."""
        credentials = self.endpoint.credentials()
        key = self.endpoint.api_key
        return SecretMask(
            [
                *handshake_secrets(
                    self.endpoint.session_url(credentials),
                    credentials.headers,
                    credentials.subprotocols,
                    proxy=self.proxy,
                ),
                *([key] if key else []),
            ]
        )


def target_of_url(
    url: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    dialect: str,
    origin: str | None = None,
    step_s: float = 10.0,
) -> DoctorTarget:
    """What the user's URL leads to: a WebSocket's, `…/realtime/calls`, `…/live/sessions`, a host, or a base URL.

    Raises:
        UsageError: it is no URL, or the proxy on the way has none.
    """
    try:
        parts = split_session_url(url)
    except ConnectFailed as fault:
        raise UsageError(f"{printable_name(without_secrets(url))}: {fault}") from None
    named: Way = "live" if parts.path.rstrip("/").endswith(_LIVE) else "websocket"
    if names_calls(parts.path):
        named, parts = "webrtc", parts._replace(path=session_path(parts.path))
    proxy = _proxy_of(parts.geturl())
    headers = {} if origin is None else {"Origin": origin}
    return DoctorTarget(
        endpoint=Endpoint(
            url=parts.geturl(), transport="websocket", model=model, api_key=api_key, dialect=dialect, headers=headers
        ),
        named=named,
        origin=origin,
        step_s=step_s,
        proxy=proxy,
    )


def _proxy_of(url: str) -> str | None:
    proxy = proxy_for(url, SocketOptions())
    if proxy is None:
        return None
    try:
        parts = urlsplit(proxy)
        if parts.scheme in _PROXIES and parts.hostname and parts.port != 0:
            return proxy
    except ValueError:
        pass  # told below, without its text, which may hold a password
    raise UsageError("the proxy of the environment is no address like http://proxy.example:3128: look at HTTPS_PROXY")


def _sibling(path: str, end: str) -> str:
    """The path of another endpoint of the same API: `/openai/v1/realtime` gives `/openai/v1` and the end."""
    for own in (_LIVE, _REALTIME):
        if (bare := path.rstrip("/")).endswith(own):
            return bare.removesuffix(own) + end
    return f"/v1{end}"
