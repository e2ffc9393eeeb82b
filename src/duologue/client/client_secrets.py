"""Short-lived keys for one session, for browsers and apps that must not hold the real key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from duologue.client.endpoint import Endpoint
from duologue.errors import ConnectFailed
from duologue.events import AnySession, AnySessionConfig, RealtimeEvent, SessionCreatedEvent, SessionUpdateEvent
from duologue.transports.addresses import is_loopback, without_secrets
from duologue.transports.http_post import post
from duologue.transports.own_loop import run_on_own_loop
from duologue.transports.socket_options import ENVIRONMENT

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["SECRET_TIMEOUT_S", "ClientSecret", "SecretAnswer", "ask_client_secret", "ask_secret", "client_secret"]

_SCHEMES: Final = {"ws": "http", "wss": "https"}
_PATH: Final = "/client_secrets"
SECRET_TIMEOUT_S: Final = 10.0


class ClientSecret(Struct, frozen=True, kw_only=True):
    """A key that opens one session and then, or soon, expires. Its repr does not show it."""

    value: str
    """The key, which the client passes to `connect` as `api_key`."""
    expires_at: int
    """In Unix seconds."""
    session: AnySession | None = None
    """The session that it opens, as the server reported it."""

    def __repr__(self) -> str:
        return f"ClientSecret(value='…', expires_at={self.expires_at})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:  # type: ignore[override]  # rich takes any iterable
        yield "value", "…"
        yield "expires_at", self.expires_at


class SecretAnswer(Struct):
    """What a server answers, whatever kind of session the key opens. Its repr does not show the key."""

    value: str
    expires_at: int
    session: Any = None

    def __repr__(self) -> str:
        return f"SecretAnswer(value='…', expires_at={self.expires_at})"


async def client_secret(
    url: str,
    *,
    api_key: str,
    session: AnySessionConfig | None = None,
    expires_after: int | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = SECRET_TIMEOUT_S,
) -> ClientSecret:
    """Ask the server at `url`, which is the URL for `connect`, for a key that opens one session of this kind.

    `expires_after` is how long the key can open a session, in seconds; None: the server's default. `timeout` is in
    seconds. The real key is sent over HTTPS only, or to this machine; redirects are not followed. Cancelling closes the
    connection.

    Raises:
        ConnectFailed: there is no key; `.retryable` says whether another try can help.
        AuthenticationFailed: the server does not accept `api_key`.
    """
    endpoint = Endpoint(url=url, api_key=api_key)
    answer = await ask_secret(endpoint, _body(session, expires_after), ssl=ssl, proxy=proxy, timeout=timeout)
    event = RealtimeEvent.from_json({"type": "session.created", "event_id": "", "session": answer.session})
    return ClientSecret(
        value=answer.value,
        expires_at=answer.expires_at,
        session=event.session if isinstance(event, SessionCreatedEvent) else None,
    )


def ask_client_secret(
    url: str,
    *,
    api_key: str,
    session: AnySessionConfig | None = None,
    expires_after: int | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = SECRET_TIMEOUT_S,
) -> ClientSecret:
    """`client_secret` for threads; `duologue.blocking.client_secret` is this function. Raises as that does."""
    return run_on_own_loop(
        client_secret(
            url,
            api_key=api_key,
            session=session,
            expires_after=expires_after,
            ssl=ssl,
            proxy=proxy,
            timeout=timeout,
        )
    )


async def ask_secret(
    endpoint: Endpoint,
    body: Mapping[str, Any],
    *,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = SECRET_TIMEOUT_S,
) -> SecretAnswer:
    """Ask for a key at the path below that of the endpoint's sessions. Raises as `client_secret` does."""
    parts = urlsplit(endpoint.session_url())
    path = parts.path if parts.path.endswith(_PATH) else parts.path.rstrip("/") + _PATH
    target = urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, "", ""))
    shown_url = without_secrets(target)
    if not (target.startswith("https:") or (target.startswith("http:") and is_loopback(target))):
        raise ConnectFailed(f"{shown_url} is not encrypted: a key is sent over https only", retryable=False)
    headers = {**endpoint.credentials().headers, "Content-Type": "application/json"}
    answer = await post(target, msgspec.json.encode(body), headers, ssl=ssl, proxy=proxy, timeout=timeout)
    return _secret_of(answer.body, shown_url)


def _body(session: AnySessionConfig | None, expires_after: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if session is not None:
        body["session"] = SessionUpdateEvent(session=session).to_json()["session"]
    if expires_after is not None:
        body["expires_after"] = {"anchor": "created_at", "seconds": expires_after}
    return body


def _secret_of(content: bytes, shown_url: str) -> SecretAnswer:
    try:
        return msgspec.json.decode(content, type=SecretAnswer)
    except msgspec.DecodeError:
        raise ConnectFailed(f"{shown_url} answered with something other than a key", retryable=False) from None
