"""Short-lived keys for one session, for browsers and apps that must not hold the real key."""

from __future__ import annotations

import asyncio
import http.client
import urllib.request
from collections.abc import Iterator, Mapping
from ssl import SSLError
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from duologue.client.endpoint import Endpoint
from duologue.errors import ConnectFailed
from duologue.events import AnySession, AnySessionConfig, RealtimeEvent, SessionCreatedEvent, SessionUpdateEvent
from duologue.printable import printable_name
from duologue.transports.addresses import is_loopback, without_secrets
from duologue.transports.http_answers import HttpAnswer, refusal
from duologue.transports.network_faults import network_failure
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.socket_options import ENVIRONMENT

if TYPE_CHECKING:
    from email.message import Message
    from ssl import SSLContext

__all__ = ["SECRET_TIMEOUT_S", "ClientSecret", "SecretAnswer", "ask_client_secret", "ask_secret", "client_secret"]

_SCHEMES: Final = {"ws": "http", "wss": "https"}
_PATH: Final = "/client_secrets"
SECRET_TIMEOUT_S: Final = 10.0
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
    seconds. The real key is sent over HTTPS only, or to this machine; redirects are not followed. Cancelling returns at
    once; the request ends in a thread, within its timeout.

    Raises:
        ConnectFailed: there is no key; `.retryable` says whether another try can help.
        AuthenticationFailed: the server does not accept `api_key`.
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
    timeout: float = SECRET_TIMEOUT_S,
) -> ClientSecret:
    """`client_secret` for threads; `duologue.blocking.client_secret` is this function. Raises as that does."""
    endpoint = Endpoint(url=url, api_key=api_key)
    answer = ask_secret(endpoint, _body(session, expires_after), ssl=ssl, proxy=proxy, timeout=timeout)
    event = RealtimeEvent.from_json({"type": "session.created", "event_id": "", "session": answer.session})
    return ClientSecret(
        value=answer.value,
        expires_at=answer.expires_at,
        session=event.session if isinstance(event, SessionCreatedEvent) else None,
    )


def ask_secret(
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
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise ConnectFailed("the key holds characters that HTTP does not allow", retryable=False)
    request = urllib.request.Request(target, msgspec.json.encode(body), headers, method="POST")
    proxies = _proxies(target, proxy)
    via = proxies.get(urlsplit(target).scheme)
    return _answer(_ask(request, _opener(proxies, ssl), timeout, via=via), shown_url)


def _body(session: AnySessionConfig | None, expires_after: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if session is not None:
        body["session"] = SessionUpdateEvent(session=session).to_json()["session"]
    if expires_after is not None:
        body["expires_after"] = {"anchor": "created_at", "seconds": expires_after}
    return body


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: the standard library would send the key to wherever a redirect leads."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _proxies(url: str, proxy: str | None) -> Mapping[str, str]:
    """The proxies on the way to this URL, by its scheme."""
    if proxy != ENVIRONMENT:
        return {} if proxy is None else {"http": proxy, "https": proxy}
    host = urlsplit(url).netloc.rpartition("@")[2]
    return {} if is_loopback(url) or urllib.request.proxy_bypass(host) else urllib.request.getproxies()


def _opener(proxies: Mapping[str, str], ssl: SSLContext | None) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(
        _NoRedirects(), urllib.request.ProxyHandler(dict(proxies)), urllib.request.HTTPSHandler(context=ssl)
    )


def _ask(
    request: urllib.request.Request, opener: urllib.request.OpenerDirector, timeout: float, *, via: str | None
) -> bytes:
    shown_url = without_secrets(request.full_url)
    # Without causes: tracebacks print them, and they may quote what was sent.
    try:
        with opener.open(request, timeout=timeout) as response:
            content: bytes = response.read(_MAX_RESPONSE_BYTES + 1)
            return content
    except HTTPError as fault:
        raise _refusal(request, fault) from None
    except TimeoutError:
        raise ConnectFailed(f"{shown_url} did not answer within {timeout:g} s", retryable=True) from None
    except URLError as fault:
        raise _unreachable(fault, shown_url, timeout, via=via) from None
    except (OSError, http.client.HTTPException) as fault:
        raise ConnectFailed(f"{shown_url} broke off: {type(fault).__name__}", retryable=True) from None


def _refusal(request: urllib.request.Request, fault: HTTPError) -> ConnectFailed:
    url, headers = request.full_url, dict(request.header_items())
    with fault:
        if 300 <= fault.code < 400:
            return ConnectFailed(
                f"{without_secrets(url)} answered with HTTP {fault.code}, and redirects are not followed with a key",
                retryable=False,
                status=fault.code,
            )
        try:
            body = fault.read(_MAX_RESPONSE_BYTES)
        except (OSError, http.client.HTTPException):
            body = b""  # the status says enough
    answer = HttpAnswer(
        status=fault.code, headers={name.lower(): value for name, value in fault.headers.items()}, body=body
    )
    return refusal(url, answer, mask=SecretMask(handshake_secrets(url, headers)), has_key=True)


def _unreachable(fault: URLError, shown_url: str, timeout: float, *, via: str | None) -> ConnectFailed:
    match fault.reason:
        case TimeoutError(errno=None):
            return ConnectFailed(f"{shown_url} did not answer within {timeout:g} s", retryable=True)
        case OSError(errno=int()) as reason if via is not None and not isinstance(reason, SSLError):
            proxy = without_secrets(via)
            return network_failure(proxy, reason, name=f"the proxy {proxy}, which leads to {shown_url}")
        case OSError() as reason:
            return network_failure(shown_url, reason)
        case reason:
            words = printable_name(str(reason))
            return ConnectFailed(f"cannot reach {shown_url}: {words}", retryable=True)


def _answer(content: bytes, shown_url: str) -> SecretAnswer:
    if len(content) > _MAX_RESPONSE_BYTES:
        raise ConnectFailed(f"{shown_url} answered with more than {_MAX_RESPONSE_BYTES} bytes", retryable=False)
    try:
        return msgspec.json.decode(content, type=SecretAnswer)
    except msgspec.DecodeError:
        raise ConnectFailed(f"{shown_url} answered with something other than a key", retryable=False) from None
