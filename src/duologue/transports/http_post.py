"""POSTs of the client: an exchange whose answer must be one of success."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from duologue.errors import ConnectFailed
from duologue.transports.addresses import is_loopback, without_secrets
from duologue.transports.http_answers import HttpAnswer, refusal
from duologue.transports.http_exchange import exchange
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.socket_options import ENVIRONMENT
from duologue.transports.trace_headers import with_trace

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["MAX_ANSWER_BYTES", "post", "proxy_for"]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""A session with all its instructions and tools; a secret alone has 300, a session description some thousand."""


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float,
    has_key: bool = True,
) -> HttpAnswer:
    """The answer to a POST, if it is one of success. `timeout` is in seconds. Redirects are not followed. The current
    trace goes along (`trace_headers`). Cancelling closes the connection.

    `has_key` is whether the headers or the URL hold a key, which an answer may refuse.

    Raises:
        ConnectFailed: there is no such answer, or a longer one than `MAX_ANSWER_BYTES`; `.retryable` says whether
            another try can help.
        AuthenticationFailed, ModelNotFound: kinds of ConnectFailed.
    """
    shown_url = without_secrets(url)
    try:
        async with asyncio.timeout(timeout):
            answer = await exchange(
                url,
                method="POST",
                headers=with_trace(headers),
                body=body,
                context=ssl,
                proxy=proxy_for(url, proxy),
                max_body_bytes=MAX_ANSWER_BYTES + 1,
            )
    except TimeoutError:
        raise ConnectFailed(f"{shown_url} did not answer within {timeout:g} s", retryable=True) from None
    if 300 <= answer.status < 400:
        raise ConnectFailed(
            f"{shown_url} answered with HTTP {answer.status}, and redirects are not followed with a key",
            retryable=False,
            status=answer.status,
        )
    if not 200 <= answer.status < 300:
        raise refusal(url, answer, mask=SecretMask(handshake_secrets(url, headers)), has_key=has_key)
    if len(answer.body) > MAX_ANSWER_BYTES:
        raise ConnectFailed(f"{shown_url} answered with more than {MAX_ANSWER_BYTES} bytes", retryable=False)
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 10 and len(answer.body) < int(length):
        raise ConnectFailed(f"{shown_url} broke off within its answer", retryable=True)
    return answer


def proxy_for(url: str, proxy: str | None) -> str | None:
    """The HTTP proxy on the way to this URL, if there is one. Raises ConnectFailed for one of another kind."""
    if proxy == ENVIRONMENT:
        host = urlsplit(url).netloc.rpartition("@")[2]
        is_direct = is_loopback(url) or urllib.request.proxy_bypass(host)
        proxy = None if is_direct else urllib.request.getproxies().get(urlsplit(url).scheme)
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme != "http":
        shown = without_secrets(proxy)
        raise ConnectFailed(f"{shown} is no HTTP proxy, and a request goes through no other", retryable=False)
    return proxy
