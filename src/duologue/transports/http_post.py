"""POSTs of the client, with the standard library: the base install has no HTTP client of its own."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Mapping
from ssl import SSLError
from typing import IO, TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from duologue.errors import ConnectFailed
from duologue.printable import printable_name
from duologue.transports.addresses import is_loopback, without_secrets
from duologue.transports.http_answers import HttpAnswer, refusal
from duologue.transports.network_faults import network_failure
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.socket_options import ENVIRONMENT
from duologue.transports.trace_headers import with_trace

if TYPE_CHECKING:
    from email.message import Message
    from ssl import SSLContext

__all__ = ["MAX_ANSWER_BYTES", "post"]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""A session with all its instructions and tools; a secret alone has 300, a session description some thousand."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float,
    has_key: bool = True,
) -> HttpAnswer:
    """The answer to a POST, if it is one of success. Blocks; `timeout` is in seconds. Redirects are not followed. The
    current trace goes along (`trace_headers`).

    `has_key` is whether the headers or the URL hold a key, which an answer may refuse.

    Raises:
        ConnectFailed: there is no such answer, or a longer one than `MAX_ANSWER_BYTES`; `.retryable` says whether
            another try can help.
        AuthenticationFailed, ModelNotFound: kinds of ConnectFailed.
    """
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise ConnectFailed("the key holds characters that HTTP does not allow", retryable=False)
    request = urllib.request.Request(url, body, with_trace(headers), method="POST")
    proxies = _proxies(url, proxy)
    via = proxies.get(urlsplit(url).scheme)
    return _ask(request, _opener(proxies, ssl), timeout, via=via, has_key=has_key)


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
    request: urllib.request.Request,
    opener: urllib.request.OpenerDirector,
    timeout: float,
    *,
    via: str | None,
    has_key: bool,
) -> HttpAnswer:
    shown_url = without_secrets(request.full_url)
    # Without causes: tracebacks print them, and they may quote what was sent.
    try:
        with opener.open(request, timeout=timeout) as response:
            content: bytes = response.read(MAX_ANSWER_BYTES + 1)
            answer = HttpAnswer(status=response.status, headers=_lower(response.headers), body=content)
    except HTTPError as fault:
        raise _refusal(request, fault, has_key=has_key) from None
    except TimeoutError:
        raise ConnectFailed(f"{shown_url} did not answer within {timeout:g} s", retryable=True) from None
    except URLError as fault:
        raise _unreachable(fault, shown_url, timeout, via=via) from None
    except (OSError, http.client.HTTPException) as fault:
        raise ConnectFailed(f"{shown_url} broke off: {type(fault).__name__}", retryable=True) from None
    if len(content) > MAX_ANSWER_BYTES:
        raise ConnectFailed(f"{shown_url} answered with more than {MAX_ANSWER_BYTES} bytes", retryable=False)
    return answer


def _refusal(request: urllib.request.Request, fault: HTTPError, *, has_key: bool) -> ConnectFailed:
    url, headers = request.full_url, dict(request.header_items())
    with fault:
        if 300 <= fault.code < 400:
            return ConnectFailed(
                f"{without_secrets(url)} answered with HTTP {fault.code}, and redirects are not followed with a key",
                retryable=False,
                status=fault.code,
            )
        try:
            body = fault.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException):
            body = b""  # the status says enough
    answer = HttpAnswer(status=fault.code, headers=_lower(fault.headers), body=body)
    return refusal(url, answer, mask=SecretMask(handshake_secrets(url, headers)), has_key=has_key)


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


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
