"""Where a session is and how to connect to it: all keywords of `connect` as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from duologue.client.auth import Auth, Credentials, credentials_for, usual_auth
from duologue.client.dialect_detection import AUTO, DialectDetector
from duologue.client.session_urls import call_path, names_calls, session_path, split_session_url
from duologue.dialects import PROFILES
from duologue.transports.addresses import without_secrets
from duologue.transports.socket_options import SocketOptions

__all__ = ["TRANSCRIPTION", "Endpoint", "TransportName"]

TransportName: TypeAlias = Literal["websocket", "webrtc"]
"""A WebSocket, or a call over WebRTC."""

TRANSCRIPTION: Final = "transcription"
"""The `intent` of a session that only transcribes."""

_HTTP: Final = {"ws": "http", "wss": "https"}


class Endpoint(Struct, frozen=True, kw_only=True):
    """A realtime server and how to connect to it. Its repr shows neither keys nor the values of headers and query."""

    url: str = ""
    """A URL without a path gets `/v1/realtime`, `/v1` gets the rest of it, and a host without a scheme gets `ws` or
    `wss`: see `split_session_url`."""
    model: str | None = None
    """In the query; of a transcription session in its configuration: see `transcription_model`."""
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
    transport: TransportName | None = None
    """ "webrtc" for a call: sound on a track, over UDP, which needs the extra `webrtc`. None: a call if the URL's path
    is that of calls, `/v1/realtime/calls`, and else a WebSocket."""
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
        # Without a URL, over a transport of the application's, nothing but the frames shows the dialect.
        return DialectDetector(self.dialect, url=self._url_with(self.model) if self.url.strip() else None)

    @property
    def session_model(self) -> str | None:
        """The model that the URL's query names in the end, or the one that is named in another way.

        Raises:
            ConnectFailed: the URL is not one.
        """
        named = dict(parse_qsl(self.session_url().partition("?")[2])) if self.url else {}
        return named.get("model", self.model)

    @property
    def is_call(self) -> bool:
        """Whether it is reached over WebRTC. A call is joined by WebSocket.

        Raises:
            ConnectFailed: the URL is not one.
            ValueError: there is no such transport, or a call is to be joined by another one than WebSocket.
        """
        if self.transport not in (None, "websocket", "webrtc"):
            raise ValueError(f'no transport {self.transport!r}; known: "websocket", "webrtc"')
        if self.call_id is not None:
            if self.transport == "webrtc":
                raise ValueError('a call is joined by WebSocket: call_id= and transport="webrtc" exclude each other')
            return False
        if self.transport is not None or not self.url.strip():
            return self.transport == "webrtc"
        return names_calls(split_session_url(self.url).path)

    @property
    def call_session(self) -> Mapping[str, Any] | None:
        """What a call's offer is posted with; None with a client secret, which holds the session."""
        if self._has_client_secret or (self.model is None and self.intent is None):
            return None
        if self.intent == TRANSCRIPTION:
            named = {} if self.model is None else {"audio": {"input": {"transcription": {"model": self.model}}}}
            return {"type": TRANSCRIPTION, **named}
        return {"type": "realtime", **({} if self.model is None else {"model": self.model})}

    @property
    def _has_client_secret(self) -> bool:
        return self.api_key is not None and self.api_key.startswith("ek_")

    def session_url(self, credentials: Credentials | None = None) -> str:
        """The URL of the WebSocket, or that at which the call is created. With credentials it may hold the key.

        Raises:
            ConnectFailed: it is not a URL.
        """
        return self._url_with(None if self.transcription_model is not None else self.model, credentials)

    @property
    def transcription_model(self) -> str | None:
        """The model for `audio.input.transcription` of a transcription session; None if `model` goes into the URL.

        With `intent="transcription"`, servers of the OpenAI dialects take it from there, and refuse it in the URL. A
        server that wants it in the URL all the same gets it by `query={"model": …}`.

        Raises:
            ConnectFailed: the URL is not one.
        """
        if self.intent != TRANSCRIPTION or self.model is None:
            return None
        profile = PROFILES[self.dialect_detector().dialect]
        return self.model if profile.intent and not profile.intent_takes_model else None

    def _url_with(self, model: str | None, credentials: Credentials | None = None) -> str:
        parts = split_session_url(self.url, secure=self.socket.ssl is not None)
        named = {"model": model, "call_id": self.call_id, "intent": self.intent}
        if self.is_call:
            parts = parts._replace(scheme=_HTTP[parts.scheme], path=call_path(parts.path))
            if self.call_session is not None:
                named = {}  # it is in there
        elif self.transport is None:
            parts = parts._replace(path=session_path(parts.path))
        asked = {name: value for name, value in named.items() if value is not None}
        key = credentials.query if credentials is not None else {}
        query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **asked, **self.query, **key}
        return parts._replace(query=urlencode(query)).geturl()

    def credentials(self) -> Credentials:
        """Headers, query and sub-protocols of the handshake, the key included."""
        key = Credentials()
        if self.api_key is not None:
            dialect = self.dialect_detector().dialect
            auth = self.auth or usual_auth(dialect, self.session_url(), self.api_key)
            if auth == "subprotocol" and self.is_call:
                auth = "bearer"  # there is no WebSocket
            key = credentials_for(self.api_key, auth, dialect=dialect)
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
