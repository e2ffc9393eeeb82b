"""A store that several machines share: a Redis or Valkey server."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from duologue.clock import loop_time
from duologue.errors import MissingExtra
from duologue.printable import printable
from duologue.server.limits import Limits
from duologue.server.rejections import Rejection
from duologue.server.shared.redis_scripts import PUT, TAKE
from duologue.server.shared.sealing import Seal
from duologue.server.telemetry.log import log_event

__all__ = ["RedisStore"]

_SCHEMES: Final = ("redis", "rediss", "unix")

_ANSWER_S: Final = 2.0
"""For an answer, with a connection made anew if need be. A server in the same network takes a millisecond; a client
whose handshake waits gives up after 10 s."""

_CONNECT_S: Final = 1.0

_CONNECTIONS: Final = 16
"""Of one process. One carries some 10,000 questions a second; these are for a burst of handshakes."""

_HOLDS_S: Final = 1.0
"""How long it holds whether the store can be reached: `/readyz` is public, and its callers are many."""

_ENTRY_BYTES: Final = 512
"""What the server has for a value, besides its bytes: three entries with their keys."""

_PREFIX: Final = "duologue:{shared}:"
"""Of all keys. What is in braces decides on which node of a cluster a key is: a script needs all of its keys there."""

_MAX_REASON: Final = 200

_LIMITS: Final = Limits()

T = TypeVar("T")


class RedisStore:
    """Values and rates of all servers with the same Redis and the same secret.

    The server holds no client secret (digests of them), no configuration (`Seal`), and no name or address of an owner.
    Where it cannot be reached, each method raises Rejection within two seconds; it is tried anew by the next one. The
    log says so once, and once when it is back.
    """

    def __init__(self, url: str, *, secret: str, limits: Limits = _LIMITS) -> None:
        """`url` is redis://, rediss:// (TLS) or unix://, with user and password if need be. Connects at first use.

        Raises:
            MissingExtra: the extra `redis` is not installed.
            ValueError: the URL is none, or the secret is too short. Says neither.
        """
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import ConnectionError as NotConnected
            from redis.exceptions import RedisError
        except ImportError as fault:
            raise MissingExtra("redis", extra="redis") from fault
        self._seal = Seal(secret)
        self._limits = limits
        self._failures = (RedisError, OSError)
        self._client: Any
        try:
            parts = urlsplit(url)
            if parts.scheme not in _SCHEMES or not (parts.path if parts.scheme == "unix" else parts.hostname):
                raise ValueError
            self.place: str = printable(
                parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
            )
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=_CONNECTIONS,
                timeout=_ANSWER_S,
                socket_timeout=_ANSWER_S,
                socket_connect_timeout=_CONNECT_S,
                # A connection that the server has closed meanwhile is found out by the question that uses it.
                retry=Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
                protocol=2,  # what the oldest servers speak
            )
        except (ValueError, TypeError):
            raise ValueError("redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH is expected") from None
        self._client = Redis(connection_pool=pool)
        self._put, self._take = self._client.register_script(PUT), self._client.register_script(TAKE)
        self._fault: str | None = None
        self._holds_until_s: float | None = None
        self._asking = asyncio.Lock()
        self._opens = True

    async def put(self, digest: bytes, value: bytes, *, owner: str, lives_s: float, now: float) -> None:
        """See `SharedStore`."""
        expires_at, of = now + lives_s, self._seal.name(owner)
        sealed = self._seal.seal(digest, value, expires_at=expires_at)
        limits = self._limits
        most = (limits.client_secrets, limits.max_client_secret_bytes, limits.max_owner_client_secret_bytes)
        cost_bytes = len(sealed) + _ENTRY_BYTES
        lives_ms = max(1, math.ceil(lives_s * 1000))
        arguments = (sealed, lives_ms, now, expires_at, digest.hex(), of, cost_bytes, *most)
        keys = (_value_key(digest), f"{_PREFIX}expiring", f"{_PREFIX}held")
        rejection: bytes = await self._ask(lambda: self._put(keys=keys, args=arguments))
        if rejection:
            raise Rejection(rejection.decode("ascii"), max_bytes=limits.max_owner_client_secret_bytes)

    async def get(self, digest: bytes, *, now: float) -> bytes | None:
        """See `SharedStore`."""
        sealed: bytes | None = await self._ask(lambda: self._client.get(_value_key(digest)))
        if sealed is None:
            return None
        try:
            expires_at, value = self._seal.open(digest, sealed)
        except ValueError:
            if self._opens:
                log_event(logging.ERROR, "shared value does not open: another secret has sealed it, or it was changed")
            self._opens = False
            return None
        self._opens = True
        return value if now < expires_at else None

    async def take(self, owner: str, *, per_minute: float, now: float) -> bool:
        """See `SharedStore`."""
        per_s, burst = per_minute / 60, max(per_minute, 1.0)
        full_ms = math.ceil(burst / max(per_s, 1e-6) * 1000)  # a full bucket equals a new one
        keys = (f"{_PREFIX}rate:{self._seal.name(owner)}",)
        granted: int = await self._ask(lambda: self._take(keys=keys, args=(per_s, burst, now, full_ms)))
        return bool(granted)

    def drop_expired(self, now: float) -> None:
        """Does nothing: the server drops them."""

    async def fault(self) -> str | None:
        """See `SharedStore`. Asks the server once a second at most."""
        async with self._asking:
            if self._holds_until_s is None or loop_time() >= self._holds_until_s:
                with suppress(Rejection):
                    await self._ask(self._client.ping)
                self._holds_until_s = loop_time() + _HOLDS_S
        return self._fault

    async def close(self) -> None:
        """See `SharedStore`."""
        await self._client.aclose(close_connection_pool=True)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """The server's answer. Raises Rejection: there is none, or it could not do it."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await question()
        except TimeoutError:
            self._note(f"no answer within {_ANSWER_S:g} s")
        except self._failures as fault:
            self._note(f"{type(fault).__name__}: {fault}")
        else:
            self._note(None)
            return answer
        raise Rejection("no_store")

    def _note(self, fault: str | None) -> None:
        if fault is not None and self._fault is None:
            reason = printable(fault)[:_MAX_REASON]
            log_event(logging.ERROR, "shared store not reachable", store=self.place, reason=reason)
        elif fault is None and self._fault is not None:
            log_event(logging.WARNING, "shared store reachable again", store=self.place)
        self._fault = fault


def _value_key(digest: bytes) -> str:
    return f"{_PREFIX}secret:{digest.hex()}"
