"""Short-lived keys for one session, for browsers and apps that must not hold the real key."""

from __future__ import annotations

import asyncio
import http.client
import urllib.request
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from duologue.client.endpoint import Endpoint
from duologue.errors import ConnectFailed
from duologue.events import AnySession, AnySessionConfig, RealtimeEvent, SessionCreatedEvent, SessionUpdateEvent
from duologue.transports.addresses import is_loopback, without_secrets
from duologue.transports.socket_options import ENVIRONMENT, RETRYABLE_STATUS

if TYPE_CHECKING:
    from email.message import Message
    from ssl import SSLContext

__all__ = ["ClientSecret", "ask_client_secret", "client_secret"]

_SCHEMES: Final = {"ws": "http", "wss": "https"}
_PATH: Final = "/client_secrets"
_TIMEOUT_S: Final = 10.0
_MAX_RESPONSE_BYTES: Final = 1024 * 1024
"""A session with all its instructions and tools; a secret alone has 300."""


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


class _SecretResponse(Struct):
    value: str
    expires_at: int
    session: Any = None


async def client_secret(
    url: str,
    *,
    api_key: str,
    session: AnySessionConfig | None = None,
    expires_after: int | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = _TIMEOUT_S,
) -> ClientSecret:
    """Ask the server at `url`, which is the URL for `connect`, for a key that opens one session of this kind.

    `expires_after` is how long the key can open a session, in seconds; None: the server's default. `timeout` is in
    seconds. The real key is sent over HTTPS only, or to this machine; redirects are not followed. Cancelling returns at
    once; the request ends in a thread, within its timeout.

    Raises:
        ConnectFailed: there is no key; `.retryable` says whether another try can help.
    """
    return await asyncio.to_thread(
        ask_client_secret,
        url,
        api_key=api_key,
        session=session,
        expires_after=expires_after,
        ssl=ssl,
        proxy=proxy,
        timeout=timeout,
    )


def ask_client_secret(
    url: str,
    *,
    api_key: str,
    session: AnySessionConfig | None = None,
    expires_after: int | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = _TIMEOUT_S,
) -> ClientSecret:
    """`client_secret` for threads; `duologue.blocking.client_secret` is this function. Raises as that does."""
    endpoint = Endpoint(url=url, api_key=api_key)
    parts = urlsplit(endpoint.session_url())
    path = parts.path if parts.path.endswith(_PATH) else parts.path.rstrip("/") + _PATH
    target = urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, path, "", ""))
    shown_url = without_secrets(target)
    if not (target.startswith("https:") or (target.startswith("http:") and is_loopback(target))):
        raise ConnectFailed(f"{shown_url} is not encrypted: a key is sent over https only", retryable=False)
    headers = {**endpoint.credentials().headers, "Content-Type": "application/json"}
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise ConnectFailed("the key holds characters that HTTP does not allow", retryable=False)
    request = urllib.request.Request(target, _body(session, expires_after), headers, method="POST")
    return _secret(_ask(request, _opener(target, ssl, proxy), timeout, shown_url), shown_url)


def _body(session: AnySessionConfig | None, expires_after: int | None) -> bytes:
    body: dict[str, Any] = {}
    if session is not None:
        body["session"] = SessionUpdateEvent(session=session).to_json()["session"]
    if expires_after is not None:
        body["expires_after"] = {"anchor": "created_at", "seconds": expires_after}
    return msgspec.json.encode(body)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: the standard library would send the key to wherever a redirect leads."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _opener(url: str, ssl: SSLContext | None, proxy: str | None) -> urllib.request.OpenerDirector:
    if proxy == ENVIRONMENT:
        proxies: Mapping[str, str] | None = {} if is_loopback(url) else None
    else:
        proxies = {} if proxy is None else {"http": proxy, "https": proxy}
    return urllib.request.build_opener(
        _NoRedirects(),
        urllib.request.ProxyHandler(None if proxies is None else dict(proxies)),
        urllib.request.HTTPSHandler(context=ssl),
    )


def _ask(
    request: urllib.request.Request, opener: urllib.request.OpenerDirector, timeout: float, shown_url: str
) -> bytes:
    # A cause only where it says more than the message: tracebacks print causes, which may quote what was sent.
    try:
        with opener.open(request, timeout=timeout) as response:
            content: bytes = response.read(_MAX_RESPONSE_BYTES + 1)
            return content
    except HTTPError as fault:
        with fault:
            status = fault.code
        redirects = " and redirects are not followed with a key" if 300 <= status < 400 else ""
        raise ConnectFailed(
            f"{shown_url} answered with HTTP {status}{redirects}", retryable=status in RETRYABLE_STATUS
        ) from None
    except TimeoutError as fault:
        raise ConnectFailed(f"{shown_url} did not answer within {timeout:g} s", retryable=True) from fault
    except URLError as fault:
        reason = fault.reason.strerror if isinstance(fault.reason, OSError) else None
        raise ConnectFailed(f"cannot reach {shown_url}: {reason or fault.reason}", retryable=True) from fault
    except (OSError, http.client.HTTPException) as fault:
        raise ConnectFailed(f"{shown_url} broke off: {type(fault).__name__}", retryable=True) from fault


def _secret(content: bytes, shown_url: str) -> ClientSecret:
    if len(content) > _MAX_RESPONSE_BYTES:
        raise ConnectFailed(f"{shown_url} answered with more than {_MAX_RESPONSE_BYTES} bytes", retryable=False)
    try:
        answer = msgspec.json.decode(content, type=_SecretResponse)
    except msgspec.DecodeError:
        raise ConnectFailed(f"{shown_url} answered with something other than a key", retryable=False) from None
    event = RealtimeEvent.from_json({"type": "session.created", "event_id": "", "session": answer.session})
    return ClientSecret(
        value=answer.value,
        expires_at=answer.expires_at,
        session=event.session if isinstance(event, SessionCreatedEvent) else None,
    )
