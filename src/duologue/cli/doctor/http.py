"""The steps over HTTP: what answers at the session's path without an upgrade, and whether it is a duologue server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from duologue.cli.doctor.step_result import StepResult
from duologue.cli.doctor.target import DoctorTarget
from duologue.transports.addresses import without_secrets
from duologue.transports.http_answers import HttpAnswer, server_words
from duologue.transports.http_exchange import exchange

__all__ = ["health_step", "http_step", "intermediaries", "status_of"]

_INTERMEDIARY_HEADERS: Final = (
    "via",
    "cf-ray",
    "x-amz-cf-id",
    "x-cache",
    "x-served-by",
    "x-squid-error",
    "fly-request-id",
)
"""What proxies and content networks add to answers."""

_INTERMEDIARIES: Final = re.compile(
    r"(?i)nginx|cloudflare|cloudfront|envoy|haproxy|varnish|squid|traefik|caddy|awselb|apache"
)
"""In the header `Server`: what rarely is the realtime server itself."""

_PLAIN_TO_TLS: Final = re.compile(r"(?i)plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server")
"""What nginx, Apache and Go's server answer with HTTP 400 on a port with TLS."""

_PHRASED: Final = frozenset(HTTPStatus)
_GATEWAY: Final = frozenset({502, 503, 504})


def status_of(answer: HttpAnswer) -> str:
    """The status with its phrase: HTTP 426 (Upgrade Required)."""
    phrase = HTTPStatus(answer.status).phrase if answer.status in _PHRASED else ""
    return f"HTTP {answer.status}" + (f" ({phrase})" if phrase else "")


def intermediaries(headers: Mapping[str, str]) -> list[str]:
    """Signs of proxies on the way, as `name: value`."""
    signs = [f"{name}: {headers[name]}" for name in _INTERMEDIARY_HEADERS if name in headers]
    server = headers.get("server", "")
    return [*([f"server: {server}"] if _INTERMEDIARIES.search(server) else []), *signs]


async def http_step(target: DoctorTarget) -> tuple[StepResult, HttpAnswer]:
    """Ask for the session's path without an upgrade and without a key: any answer in HTTP will do.

    Raises:
        ConnectFailed: what answers is no HTTP.
    """
    answer = await exchange(target.http_url(), proxy=target.proxy)
    signs = intermediaries(answer.headers)
    facts = {"status": answer.status, "server": answer.headers.get("server", ""), "proxies": signs}
    tried = f"GET {without_secrets(target.http_url())} without an upgrade"
    happened = status_of(answer) + (f"; on the way there is a proxy ({'; '.join(signs)})" if signs else "")
    words = server_words(answer)[1]
    if _PLAIN_TO_TLS.search(words):
        remedy = f"write wss://: {target.host} speaks TLS on port {target.port}"
        row = StepResult(step="http", outcome="failed", tried=tried, happened=happened, remedy=remedy, facts=facts)
    elif answer.status in _GATEWAY and signs:
        remedy = "look at the server behind the proxy: the proxy answers, and does not reach it"
        row = StepResult(step="http", outcome="failed", tried=tried, happened=happened, remedy=remedy, facts=facts)
    else:
        row = StepResult(step="http", outcome="ok", tried=tried, happened=happened, facts=facts)
    return row, answer


async def health_step(target: DoctorTarget) -> StepResult:
    """Ask a duologue server how it is; others have no such path. Raises ConnectFailed as `http_step`."""
    url = target.http_url("/readyz")
    tried = f"GET {without_secrets(url)}"
    answer = await exchange(url, proxy=target.proxy)
    state = _state(answer)
    facts = {"status": answer.status, "state": state}
    if not state:
        words = "this is no duologue server, or its path is kept from here"
        return StepResult(step="health", outcome="skipped", tried=tried, happened=f"{status_of(answer)}: {words}")
    if answer.status == 200:
        return StepResult(step="health", outcome="ok", tried=tried, happened=f"the server says: {state}", facts=facts)
    remedy = {
        "loading": "wait: the engines are being loaded, which takes up to a minute",
        "draining": "connect again in a moment: this server is stopping, and takes no new sessions",
    }.get(state, "look at the server's log")
    return StepResult(
        step="health", outcome="failed", tried=tried, happened=f"the server says: {state}", remedy=remedy, facts=facts
    )


class _Health(msgspec.Struct):
    status: str


def _state(answer: HttpAnswer) -> str:
    """What the page says; empty if it is another page."""
    try:
        return msgspec.json.decode(answer.body, type=_Health).status if answer.status in (200, 503) else ""
    except msgspec.DecodeError:
        return ""
