"""Where a session is and how to connect to it: all keywords of `connect` as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from duologue.client.auth import Auth, Credentials, credentials_for, usual_auth
from duologue.client.dialect_detection import AUTO, DialectDetector
from duologue.dialects import PROFILES
from duologue.errors import ConnectFailed
from duologue.transports.addresses import without_secrets
from duologue.transports.socket_options import SocketOptions

__all__ = ["Endpoint"]

_DEFAULT_PATH: Final = "/v1/realtime"
_SCHEMES: Final = {"http": "ws", "https": "wss"}


class Endpoint(Struct, frozen=True, kw_only=True):
    """A realtime server and how to connect to it. Its repr shows neither keys nor the values of headers and query."""

    url: str = ""
    """A URL without a path gets `/v1/realtime`."""
    model: str | None = None
    api_key: str | None = None
    dialect: str = AUTO
    """A name in `duologue.dialects.PROFILES`, or "auto": detected from the URL or else the server's first frames."""
    auth: Auth | None = None
    """How the key is sent; None: as the dialect's servers expect it, or as a bearer token where that is not known."""
    headers: Mapping[str, str] = {}
    """For the handshake. A header with the name of the key's header replaces it."""
    query: Mapping[str, str] = {}
    """Added to the query of the URL."""
    call_id: str | None = None
    """The WebRTC or SIP call to join."""
    intent: str | None = None
    """ "transcription" for a session that only transcribes."""
    socket: SocketOptions = SocketOptions()
    loop_lag_ms: int | None = None
    """Start a thread that logs a warning for each function that blocks the event loop for longer than this, once. 250:
    speech that is so much late is heard to be late. None: no thread."""

    def dialect_detector(self) -> DialectDetector:
        """A detector that has looked at the URL, or that has the dialect that was named.

        Raises:
            ValueError: there is no such dialect.
        """
        if self.dialect != AUTO and self.dialect not in PROFILES:
            raise ValueError(f"no dialect {self.dialect!r}; known: {AUTO}, {', '.join(PROFILES)}")
        return DialectDetector(self.dialect, url=self.session_url())

    @property
    def session_model(self) -> str | None:
        """The model that the URL's query names, in the end."""
        named = dict(parse_qsl(urlsplit(self.session_url()).query)) if self.url else {}
        return named.get("model", self.model)

    def session_url(self, credentials: Credentials | None = None) -> str:
        """The URL of the WebSocket. With credentials it may hold the key.

        Raises:
            ConnectFailed: it is not a URL.
        """
        named = {"model": self.model, "call_id": self.call_id, "intent": self.intent}
        query = {name: value for name, value in named.items() if value is not None}
        return _with_query(self.url, {**query, **self.query, **(credentials.query if credentials is not None else {})})

    def credentials(self) -> Credentials:
        """Headers, query and sub-protocols of the handshake, the key included."""
        key = Credentials()
        if self.api_key is not None:
            dialect = self.dialect_detector().dialect
            key = credentials_for(
                self.api_key, self.auth or usual_auth(dialect, self.session_url(), self.api_key), dialect=dialect
            )
        own = {name.lower() for name in self.headers}
        kept = {name: value for name, value in key.headers.items() if name.lower() not in own}
        return Credentials(headers={**kept, **self.headers}, query=key.query, subprotocols=key.subprotocols)

    def __repr__(self) -> str:
        return f"Endpoint({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]  # rich takes any iterable
        hidden = {
            "url": without_secrets(self.url),
            "api_key": None if self.api_key is None else "…",
            "headers": dict.fromkeys(self.headers, "…"),
            "query": dict.fromkeys(self.query, "…"),
        }
        for name in self.__struct_fields__:
            yield name, hidden.get(name, getattr(self, name))


def _with_query(url: str, added: Mapping[str, str]) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        # Without its cause, which may quote a password.
        raise ConnectFailed("this is not a URL: the brackets around its host do not match", retryable=False) from None
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **added}
    path = parts.path if parts.path.strip("/") else _DEFAULT_PATH
    return urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, urlencode(query), ""))
