"""Calls of Asterisk's AudioSocket over TCP: a listener, and who may call it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

from duologue.errors import ConnectionClosed
from duologue.printable import printable
from duologue.telephony.codecs.audiosocket import AudioSocket
from duologue.telephony.codecs.leg_events import CallStarted, HangUpCommand
from duologue.telephony.control.call_control import CallControl
from duologue.telephony.joining import PhoneCall, accept
from duologue.telephony.tcp.audiosocket_stream import AudioSocketStream

__all__ = ["AudioSocketListener", "serve_audiosocket"]

_logger = logging.getLogger(__name__)

_MAX_CALLS: Final = 100
"""At a time: more than one core holds calls with speech."""

_MAX_NAMELESS: Final = 100
"""Connections that have not told their id. Beyond it the one that has waited longest is cut: Asterisk tells the id
within a round trip, so strangers who open connections and say nothing keep no call out."""

_DRAIN_S: Final = 10.0
"""How long calls may go on when the listener is closed."""

_DEAD_S: Final = 20
"""A peer whose machine is gone is noticed after so long, by the probes of TCP: silence alone means nothing here."""

_ID_S: Final = 5.0
"""Asterisk sends the id at once; what opens a connection and says nothing is none."""

_Answer: TypeAlias = Callable[[PhoneCall], Awaitable[object]]
_Serve: TypeAlias = Callable[[AudioSocketStream], Awaitable[object]]
_MayCall: TypeAlias = Callable[[str], bool]


class AudioSocketListener:
    """What listens. `serve_audiosocket` makes it."""

    def __init__(self, serve: _Serve, *, may_call: _MayCall | None = None, max_calls: int = _MAX_CALLS) -> None:
        """`serve` gets the connections whose id may call, with the id as their first message."""
        self._serve = serve
        self._may_call = may_call
        self._max_calls = max_calls
        self._connections: set[asyncio.Task[None]] = set()
        self._nameless: dict[asyncio.Task[None], None] = {}
        """Those that have not told their id, by age."""
        self._calls: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are listened on."""
        assert self._server is not None, "serve_audiosocket starts it"
        host, port, *_ = self._server.sockets[0].getsockname()
        return host, port

    @property
    def n_calls(self) -> int:
        """Calls at present, whose id is known."""
        return len(self._calls)

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError: the address is in use, or is none of this machine."""
        self._server = await asyncio.start_server(self._connected, host, port)

    async def close(self, *, drain_s: float = _DRAIN_S) -> None:
        """Accept no more calls, wait for those that go on, and end what is left after `drain_s` seconds."""
        if self._server is not None:
            self._server.close()
        for connection in self._nameless:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=drain_s)
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The standard library has made a task of this, and keeps it.
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._nameless[task] = None
        if len(self._nameless) > _MAX_NAMELESS:
            self._cut_oldest()
        try:
            _keep_alive(writer)
            await self._held(AudioSocketStream(reader, writer), task)
        except asyncio.CancelledError:
            pass  # `close` ends the call so; asyncio's own callback would report it as an error of the server
        finally:
            self._connections.discard(task)
            self._calls.discard(task)
            self._nameless.pop(task, None)
            writer.transport.abort()

    def _cut_oldest(self) -> None:
        oldest = next(iter(self._nameless))
        del self._nameless[oldest]
        oldest.cancel()
        _logger.info("a connection of AudioSocket is cut: it has told no id, and others wait")

    async def _held(self, stream: AudioSocketStream, task: asyncio.Task[None]) -> None:
        try:
            if await self._may_go_on(stream, task):
                await self._serve(stream)
        except ConnectionClosed as fault:
            _logger.info("a connection of AudioSocket has ended: %s", printable(fault.reason))
        except Exception:
            _logger.exception("a call over AudioSocket has failed")
        finally:
            await _hang_up(stream)

    async def _may_go_on(self, stream: AudioSocketStream, task: asyncio.Task[None]) -> bool:
        """Whether the first message is an id, and one that may call, and there is room for it."""
        try:
            async with asyncio.timeout(_ID_S):
                event = AudioSocket().decode(await stream.first())
        except TimeoutError:
            event = None
        if not isinstance(event, CallStarted):
            _logger.info("a connection of AudioSocket has told no id as its first message, in 5 s")
            return False
        if self._may_call is not None and not self._may_call(event.call_id):
            _logger.warning("a call over AudioSocket is refused: its id is none of those that may call")
            return False
        if self.n_calls >= self._max_calls:
            _logger.warning("a call over AudioSocket is refused: there are as many as may be")
            return False
        self._nameless.pop(task, None)
        self._calls.add(task)
        return True


@asynccontextmanager
async def serve_audiosocket(
    answer: _Answer,
    *,
    host: str = "127.0.0.1",
    port: int,
    may_call: _MayCall | None = None,
    max_calls: int = _MAX_CALLS,
    rate_hz: int = 8_000,
    control: CallControl | None = None,
    drain_s: float = _DRAIN_S,
) -> AsyncGenerator[AudioSocketListener, None]:
    """Take calls of Asterisk's `AudioSocket(UUID,host:port)` for the length of a block.

        async def answer(call: telephony.PhoneCall) -> None:
            async with duologue.converse(url, tools=[call.hang_up]) as conversation:
                await call.join(conversation)

        async with telephony.serve_audiosocket(answer, port=8090): …

    `answer` runs once for each call, beside others; when it returns, the call ends. The id that Asterisk sends is all
    that says who calls (`call.started.call_id`, lower-case with hyphens): let other machines in only with `may_call`,
    which gets the id, and only on a network that is yours, because nothing is encrypted. The id comes within 5 s; there
    are at most `max_calls` calls, and a hundred connections that have not told theirs. `rate_hz` is that of the audio:
    8 kHz for the dialplan's `AudioSocket`. `control` is what Asterisk is asked with over HTTP. `port=0` takes a free
    one: see `address` of what the block gets. At its end no more calls are taken, and those that go on have `drain_s`
    seconds.

    Raises:
        OSError: the address is in use, or is none of this machine.
        ValueError: AudioSocket has no such rate.
    """
    AudioSocket(rate_hz=rate_hz)

    async def serve(stream: AudioSocketStream) -> None:
        call = await accept(stream, AudioSocket(rate_hz=rate_hz), control=control)
        try:
            await answer(call)
        finally:
            await call.close()

    listener = AudioSocketListener(serve, may_call=may_call, max_calls=max_calls)
    await listener.start(host, port)
    try:
        yield listener
    finally:
        await listener.close(drain_s=drain_s)


async def _hang_up(stream: AudioSocketStream) -> None:
    with suppress(ConnectionClosed):
        await stream.send(AudioSocket().command(HangUpCommand()))
    await stream.close()


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", _DEAD_S // 2), ("TCP_KEEPINTVL", _DEAD_S // 4), ("TCP_KEEPCNT", 2)):
        if (option := getattr(socket, name, None)) is not None:  # platforms lack some
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
