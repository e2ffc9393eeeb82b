"""Where a session is, and what it takes to get in: everything that `connect` is told, as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from duologue.client.auth import Auth, Credentials, credentials_for, usual_auth
from duologue.client.dialect_detection import AUTO, DialectDetector
from duologue.client.limits import LOOP_LAG_MS
from duologue.dialects import PROFILES
from duologue.errors import ConnectFailed
from duologue.transports.addresses import without_secrets
from duologue.transports.socket_options import SocketOptions

__all__ = ["Endpoint", "session_url"]

_DEFAULT_PATH: Final = "/v1/realtime"
_SCHEMES: Final = {"http": "ws", "https": "wss"}


class Endpoint(Struct, frozen=True, kw_only=True):
    """A place where sessions are held. Its repr shows neither keys nor the values of headers and query."""

    url: str = ""
    """A URL without a path gets `/v1/realtime`."""
    model: str | None = None
    api_key: str | None = None
    dialect: str = AUTO
    """A name in `duologue.dialects.PROFILES`, or "auto": what the URL or else the server's first frame gives away."""
    auth: Auth | None = None
    """How the key is shown; None: as the dialect's servers want it, which is a bearer token where that is not known."""
    headers: Mapping[str, str] = {}
    """For the handshake. One that has the name of a key's header goes before it."""
    query: Mapping[str, str] = {}
    """Added to the query of the URL."""
    call_id: str | None = None
    """Joins a call that runs over WebRTC or SIP, beside its caller."""
    intent: str | None = None
    """ "transcription" for a session that only hears."""
    socket: SocketOptions = SocketOptions()
    loop_lag_ms: int | None = LOOP_LAG_MS
    """Warn once for each place in the program that keeps the event loop from running for so long; None: do not."""

    def accent(self) -> DialectDetector:
        """The dialect, as far as it is known before anything has come.

        Raises:
            ValueError: there is no such dialect.
        """
        if self.dialect != AUTO and self.dialect not in PROFILES:
            raise ValueError(f"no dialect {self.dialect!r}; known: {AUTO}, {', '.join(PROFILES)}")
        return DialectDetector(self.dialect, url=self.session_url())

    def session_url(self, credentials: Credentials | None = None) -> str:
        """The URL of the WebSocket. With credentials it may hold the key.

        Raises:
            ConnectFailed: it is no URL at all.
        """
        named = {"model": self.model, "call_id": self.call_id, "intent": self.intent}
        query = {name: value for name, value in named.items() if value is not None}
        return _with_query(self.url, {**query, **self.query, **(credentials.query if credentials is not None else {})})

    def credentials(self) -> Credentials:
        """What the handshake carries to say who asks, other headers included."""
        shown = Credentials()
        if self.api_key is not None:
            dialect = self.accent().dialect
            shown = credentials_for(
                self.api_key, self.auth or usual_auth(dialect, self.session_url(), self.api_key), dialect=dialect
            )
        own = {name.lower() for name in self.headers}
        kept = {name: value for name, value in shown.headers.items() if name.lower() not in own}
        return Credentials(headers={**kept, **self.headers}, query=shown.query, subprotocols=shown.subprotocols)

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


def session_url(url: str, *, model: str | None = None) -> str:
    """The WebSocket URL of a session: scheme, path and model filled in where they are missing.

    Raises:
        ConnectFailed: it is no URL at all.
    """
    return _with_query(url, {} if model is None else {"model": model})


def _with_query(url: str, added: Mapping[str, str]) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        # Without its cause, which may quote what stands before the host.
        raise ConnectFailed("this is no URL: the brackets around its host do not fit", retryable=False) from None
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **added}
    path = parts.path if parts.path.strip("/") else _DEFAULT_PATH
    return urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, urlencode(query), ""))
