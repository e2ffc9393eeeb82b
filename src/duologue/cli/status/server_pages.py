"""Asks a server how it is: `/metrics`, `/readyz` and `/healthz`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from duologue.cli.errors import TurnFailed, UsageError
from duologue.cli.status.exposition import Samples, read_exposition
from duologue.cli.status.server_status import Look
from duologue.client.session_urls import split_server_url
from duologue.clock import loop_time, unix_time
from duologue.errors import ConnectFailed
from duologue.printable import printable_name
from duologue.transports.addresses import without_secrets
from duologue.transports.handshakes import proxy_for
from duologue.transports.http_answers import HttpAnswer
from duologue.transports.http_exchange import exchange
from duologue.transports.socket_options import SocketOptions

__all__ = ["ServerPages", "pages_at"]

_MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
"""Ten times the metrics of a server with a thousand named callers."""

_LOOK_S: Final = 10.0
"""For all three pages: `/readyz` itself waits up to 3 s for services that do not answer."""

_HTTP: Final = {"ws": "http", "wss": "https"}

_OWN_PATH: Final = re.compile(r"/(?:openai/)?(?:v1(?:/.*)?|metrics|readyz|healthz|talk)/?$")
"""What a user's URL may name of a server; what stands before it is where the application is mounted."""

_MAX_ENGINES: Final = 20
"""Kinds of engines; there are five."""


class ServerPages(Struct, frozen=True, kw_only=True):
    """Where the pages are, and how they are asked for."""

    base: str
    """The URL before the pages' names, without a key."""
    api_key: str | None = None
    proxy: str | None = None

    async def look(self) -> Look:
        """How the server is now.

        Raises:
            ConnectFailed: it cannot be reached.
            TurnFailed: its metrics cannot be had, or are none of duologue's.
        """
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        try:
            async with asyncio.timeout(_LOOK_S):
                metrics = await self._page("metrics", key)
                alive = _health(await self._page("healthz"))
                health = _health(await self._page("readyz"))
        except TimeoutError:
            raise TurnFailed(f"{self.base} did not answer within {_LOOK_S:g} s") from None
        return Look(
            at_s=loop_time(),
            unix_s=unix_time(),
            samples=self._samples(metrics),
            state=health.status,
            engines_down=tuple(sorted(map(printable_name, health.engines))[:_MAX_ENGINES]),
            is_alive=alive.status == "ok",
        )

    async def _page(self, name: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        url = f"{self.base}/{name}"
        return await exchange(url, headers=headers, proxy=self.proxy, max_body_bytes=_MAX_PAGE_BYTES)

    def _samples(self, answer: HttpAnswer) -> Samples:
        where = f"{self.base}/metrics"
        match answer.status:
            case 200:
                pass
            case 401 if self.api_key is None:
                raise TurnFailed(f"{where} asks for a key: name one with --api-key, or in DUOLOGUE_API_KEY")
            case 401 | 403:
                raise TurnFailed(f"{where} does not accept the key (HTTP {answer.status})")
            case 404:
                raise TurnFailed(f"there is nothing at {where} (HTTP 404): is this a duologue server?")
            case status if 300 <= status < 400:
                raise TurnFailed(f"{where} redirects, where a key does not follow (HTTP {status}): name its own URL")
            case status:
                raise TurnFailed(f"{where} answered HTTP {status}: a proxy in front, or the server's log, may say why")
        if len(answer.body) >= _MAX_PAGE_BYTES:
            raise TurnFailed(f"{where} is longer than {_MAX_PAGE_BYTES >> 20} MB")
        try:
            return read_exposition(answer.body.decode("utf-8", "replace"))
        except ValueError as fault:
            raise TurnFailed(f"{where} is no page of metrics of a duologue server: it has {fault}") from None


def pages_at(url: str, *, api_key: str | None) -> ServerPages:
    """The pages of the server that a user's URL leads to: of its sessions, of one of its pages, or its base URL.

    Raises:
        UsageError: it is no URL, or the key is none that HTTP allows.
    """
    try:
        parts = split_server_url(url, example_path="")
        proxy = proxy_for(parts.geturl(), SocketOptions())
    except ConnectFailed as fault:
        raise UsageError(f"{printable_name(without_secrets(url))}: {fault}") from None
    if proxy is not None and urlsplit(proxy).scheme != "http":
        raise UsageError("the proxy of the environment is none of HTTP: name the server in NO_PROXY")
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise UsageError("the key holds characters that HTTP does not allow")
    place = parts.netloc.rpartition("@")[2]
    mounted = _OWN_PATH.sub("", parts.path).rstrip("/")
    return ServerPages(base=f"{_HTTP[parts.scheme]}://{place}{mounted}", api_key=api_key, proxy=proxy)


class _Health(Struct):
    status: str
    engines: dict[str, str] = {}


def _health(answer: HttpAnswer) -> _Health:
    """What the page says; the state `unknown` if it is another page."""
    try:
        found = msgspec.json.decode(answer.body, type=_Health)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Health("unknown")
    return _Health(printable_name(found.status), found.engines) if answer.status in (200, 503) else _Health("unknown")
