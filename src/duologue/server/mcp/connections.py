"""HTTP to MCP servers, within limits: no proxies, redirects, compression or cookies; one TLS context."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final
from weakref import WeakSet

import httpcore
import httpx

from duologue.server.mcp.errors import McpFault, broken_answer, unreachable
from duologue.server.mcp.limits import (
    CLOSE_IDLE_S,
    CONNECT_S,
    MAX_ANSWER_BYTES,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    MAX_IDLE_CONNECTIONS,
    MAX_NOTIFICATIONS,
    MAX_PIECES,
    MAX_READS,
    MAX_SESSION_CONNECTIONS,
    MAX_WIRE_BYTES,
    READ_BYTES,
)
from duologue.server.telemetry.log import log_event

__all__ = ["Answer", "Headers", "McpConnections", "McpNetwork"]

_YIELD_PIECES: Final = 64  # a read holds up to 700 chunks of one byte; 64 take about 1 ms
_SERVICE_UNAVAILABLE: Final = 503

Headers = Sequence[tuple[bytes, bytes]]


class McpNetwork:
    """Shared by all sessions: the TLS context, the count of connections, and the tasks that outlive a session."""

    def __init__(self) -> None:
        # Made once: it blocks the event loop for tens of milliseconds.
        self.context: ssl.SSLContext = ssl.create_default_context()
        self._slots: WeakSet[_Slot] = WeakSet()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def n_connections(self) -> int:
        """Connections that are open or being opened."""
        return len(self._slots)

    @property
    def has_room(self) -> bool:
        """Whether another task may run in the background."""
        return len(self._background) < MAX_NOTIFICATIONS

    def reserve(self) -> _Slot:
        """Reserve a connection. Raises httpcore.ConnectError if there are too many."""
        if self.n_connections >= MAX_CONNECTIONS:
            raise _TooManyConnections
        slot = _Slot()
        self._slots.add(slot)
        return slot

    def free(self, slot: _Slot) -> None:
        """Give back a reserved connection, which is closed."""
        self._slots.discard(slot)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run short work without a result in a task."""
        task = asyncio.ensure_future(work)  # noqa: TID251 - kept until it ends
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log_event(logging.ERROR, "MCP client broke", kind=type(fault).__name__)


class McpConnections:
    """One session's connections to MCP servers. They are closed with it, or after `CLOSE_IDLE_S` without use."""

    def __init__(self, network: McpNetwork) -> None:
        self.network = network
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._n_busy = 0
        self._closing: asyncio.TimerHandle | None = None
        self._is_over = False

    @asynccontextmanager
    async def request(
        self, method: str, url: httpx.URL, headers: Headers, body: bytes = b""
    ) -> AsyncGenerator[Answer, None]:
        """One request. It has no timeout of its own; cancelled, its connection is closed.

        Raises:
            McpFault: the server cannot be reached, or the connection breaks.
        """
        pool = self._begin()
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        own = [(b"Host", url.netloc), (b"Accept-Encoding", b"identity"), (b"Content-Length", b"%d" % len(body))]
        times = {"connect": CONNECT_S}
        try:
            async with pool.stream(
                method, target, headers=[*own, *headers], content=body, extensions={"timeout": times}
            ) as response:
                stream = response.extensions.get("network_stream")
                if isinstance(stream, _Stream):
                    stream.head_is_read()
                yield Answer(response)
        except _TooManyConnections as fault:
            reason = f"this server has {MAX_CONNECTIONS} connections to MCP servers, and no room for more"
            raise unreachable(reason, code=_SERVICE_UNAVAILABLE) from fault
        except _AnswerTooLarge as fault:
            raise broken_answer(str(fault)) from fault
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as fault:
            # Not its message, which may quote the server.
            raise unreachable(f"it cannot be talked to ({type(fault).__name__})") from fault
        finally:
            self._end()

    async def aclose(self) -> None:
        """Close all connections; requests fail from now on."""
        self._is_over = True
        self._stay_open()
        await self._close()

    def _begin(self) -> httpcore.AsyncConnectionPool:
        if self._is_over:
            raise unreachable("the session is over")
        self._stay_open()
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self.network.context,
                max_connections=MAX_SESSION_CONNECTIONS,
                max_keepalive_connections=MAX_IDLE_CONNECTIONS,
                keepalive_expiry=CLOSE_IDLE_S,
                network_backend=_Backend(self.network),
            )
        self._n_busy += 1
        return self._pool

    def _end(self) -> None:
        self._n_busy -= 1
        if not self._n_busy and self._pool is not None:
            self._closing = asyncio.get_running_loop().call_later(CLOSE_IDLE_S, self._close_idle)

    def _stay_open(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _close_idle(self) -> None:
        self.network.in_background(self._close())

    async def _close(self) -> None:
        if (pool := self._pool) is not None:
            self._pool = None
            await pool.aclose()


class Answer:
    """An answer whose headers have arrived."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.status: int = response.status

    def header(self, name: bytes) -> str:
        """The first header of this lower-case name; empty if there is none."""
        found = (value for key, value in self._response.headers if key.lower() == name)
        return next(found, b"").decode("latin-1")

    @property
    def media_type(self) -> str:
        """The media type of the content, without parameters."""
        return self.header(b"content-type").partition(";")[0].strip().lower()

    @asynccontextmanager
    async def pieces(self, max_bytes: int = MAX_ANSWER_BYTES) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        """The content as it arrives. Raises McpFault if it is compressed, or larger than this."""
        if self.header(b"content-encoding").strip().lower() not in ("", "identity"):
            raise broken_answer("it is compressed, which was not asked for")
        async with aclosing(self._pieces(max_bytes)) as pieces:
            yield pieces

    async def read_to_end(self, pieces: AsyncGenerator[bytes, None], within_s: float) -> None:
        """Read what follows, so that the connection can be reused; give up after `within_s` or at a fault."""
        with suppress(TimeoutError, McpFault, httpcore.NetworkError, httpcore.ProtocolError):
            async with asyncio.timeout(within_s):
                async for _ in pieces:
                    pass

    async def content(self, max_bytes: int) -> bytes:
        """The whole content. Raises McpFault, as `pieces`."""
        content = bytearray()
        async with self.pieces(max_bytes) as pieces:
            async for piece in pieces:
                content += piece
        return bytes(content)

    async def _pieces(self, max_bytes: int) -> AsyncGenerator[bytes, None]:
        n_bytes = n_pieces = 0
        async for piece in self._response.aiter_stream():
            n_bytes += len(piece)
            n_pieces += 1
            if n_bytes > max_bytes:
                raise broken_answer(f"it is larger than {max_bytes} bytes")
            if n_pieces > MAX_PIECES:
                raise broken_answer(f"it comes in more than {MAX_PIECES} pieces")
            if n_pieces % _YIELD_PIECES == 0:
                await asyncio.sleep(0)
            yield piece


class _TooManyConnections(httpcore.ConnectError):
    """The process has `MAX_CONNECTIONS`."""


class _AnswerTooLarge(httpcore.ReadError):
    """An answer takes more than `MAX_READS`, or more bytes than its headers or its content may."""


class _Slot:
    """A reserved connection. Collecting it frees it, so that none can leak."""

    __slots__ = ("__weakref__",)


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections that are counted, and whose answers are read in small pieces up to a limit."""

    def __init__(self, network: McpNetwork) -> None:
        self._network = network
        # Without anyio, which httpx brings, httpcore has another class of this name.
        self._inner: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()  # pyright: ignore[reportAttributeAccessIssue]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        slot = self._network.reserve()
        try:
            stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        except BaseException:
            self._network.free(slot)
            raise
        return _Stream(stream, lambda: self._network.free(slot))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, inner: httpcore.AsyncNetworkStream, free: Callable[[], None]) -> None:
        self._inner = inner
        self._free = free
        self._n_reads = 0
        self._n_bytes = 0
        self._max_bytes = MAX_HEAD_BYTES

    def head_is_read(self) -> None:
        """The content follows, with a limit of its own."""
        self._max_bytes = MAX_WIRE_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._n_reads += 1
        if self._n_reads > MAX_READS:
            raise _AnswerTooLarge("it comes in too small pieces")
        data = await self._inner.read(min(max_bytes, READ_BYTES), timeout)
        self._n_bytes += len(data)
        if self._n_bytes > self._max_bytes:
            raise _AnswerTooLarge(f"it takes more than {self._max_bytes} bytes of HTTP")
        # Data that TLS has decrypted already is read without a wait, and other tasks would not run.
        await asyncio.sleep(0)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # A request begins: the limits count for its answer.
        self._n_reads = self._n_bytes = 0
        self._max_bytes = MAX_HEAD_BYTES
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._free()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            self._free()
            raise
        return _Stream(inner, self._free)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
