"""The client's end of a call over WebRTC as the transport of a session."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Final

from duologue.chance import random_bytes
from duologue.clock import loop_time
from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.protocol.client.call.client_media_line import ClientMediaLine
from duologue.transports.webrtc.peer import FRAME_BYTES, MessageTooLong, Peer

__all__ = ["MAX_WAITING_MS", "ClientCall"]

_logger = logging.getLogger(__name__)

MAX_WAITING_MS: Final = 60_000
"""Sound that may wait to be played. A clip of this length is taken at once; a sender that is further ahead waits, as
for a slow server."""

_MAX_UNREAD: Final = 512
"""Messages that the application has not read, ten seconds of speech. Then nothing more is taken from the peer."""

_MAX_UNSENT: Final = 64
"""Messages that wait for the data channel, or for the end of sound that they are about. The channel has a backlog of
its own; applications send some messages a turn."""

_FLUSH_S: Final = 0.5
"""How long a close waits for messages that were sent before it: a live channel takes them at once."""

_INTERNAL_ERROR: Final = 1011  # RFC 6455, section 7.4.1


class ClientCall:
    """A connected peer as a `Transport`: events and audio in messages, as over a WebSocket.

    Appended audio is played at the speed of sound, and silence while there is none; the server's sound comes as
    `response.output_audio.delta`. Made on a running event loop; `close` leaves no task behind.
    """

    def __init__(self, peer: Peer, *, call_id: str | None = None) -> None:
        self.call_id = call_id
        """The server's name for the call, for a sideband and for hanging up; None if it told none."""
        self._peer = peer
        self._line = ClientMediaLine(new_id=_new_id, now=loop_time())
        self._unread: deque[str] = deque()
        self._unsent: deque[str] = deque()
        self._ended: ConnectionClosed | None = None
        self._arrived, self._taken, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._wanted, self._to_send = asyncio.Event(), asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        """The task, until it has ended: afterwards its exception refers to this object."""
        running = asyncio.ensure_future(self._run())  # noqa: TID251 - `close` ends it
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def opened(self) -> None:
        """Wait for the server's first event, which shows that there is a way for sound and events.

        Raises:
            ConnectionClosed: the call ended before.
        """
        while not self._unread:
            self._check()
            await _next(self._arrived)

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message; waits while too much sound, or too many messages, wait."""
        self._check()
        while self._line.waiting_ms > MAX_WAITING_MS or self._line.n_held + len(self._unsent) > _MAX_UNSENT:
            await _next(self._room)
            self._check()
        self._line.from_application(message if isinstance(message, str) else message.decode("utf-8"))
        self._pass_on()
        self._wanted.set()

    async def played(self) -> None:
        """Wait until all sound that was sent has been heard, as far as that can be known. Raises ConnectionClosed."""
        while not self._line.is_heard:
            self._check()
            await _next(self._room)

    async def receive(self) -> str | bytes:
        """The next message. Cancelling loses nothing."""
        await self.opened()
        self._taken.set()
        return self._unread.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Hang up, behind what was sent. A data channel has no close codes: `code` and `reason` are told to none."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_S):
                    while self._unsent and self._ended is None:
                        await _next(self._room)
            await self._peer.close()
        finally:
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            self._end(ConnectionClosedOK(1000))

    def _check(self) -> None:
        if (ended := self._ended) is not None:
            # Another exception each time: a traceback would hold the frames of the task that got the first one.
            raise type(ended)(ended.code, ended.reason)

    # --- the tasks

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in (self._read(), self._hear(), self._play(), self._write()):
                    tasks.create_task(work)
        except* ConnectionClosed as group:
            self._end(_first(group))
        except* Exception:  # a fault of this library or of the stack: the application must not wait for ever
            _logger.exception("a call broke")
            self._end(ConnectionClosedError(_INTERNAL_ERROR, "the call broke"))

    async def _read(self) -> None:
        while True:
            message = await self._peer.receive()
            self._line.from_channel(message, now=loop_time())
            self._wanted.set()  # what waits for the end of a sound has its time
            self._tell()
            await self._until_read()

    async def _hear(self) -> None:
        with suppress(ConnectionClosed):  # `_read` gets it too, behind the last messages
            while True:
                frames, now = await self._peer.hear(), loop_time()
                for at in range(0, len(frames), FRAME_BYTES):
                    self._line.heard(frames[at : at + FRAME_BYTES], now=now)
                self._tell()
                await self._until_read()

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for frame in self._line.take_frames(loop_time()):
                self._peer.play(frame)
            self._pass_on()
            self._room.set()
            self._tell()
            self._wanted.clear()
            # Not `asyncio.timeout_at`, which cancels and raises fifty times a second.
            timer = loop.call_at(self._line.next_due_at, self._wanted.set)
            try:
                await self._wanted.wait()
            finally:
                timer.cancel()

    def _pass_on(self) -> None:
        self._unsent += self._line.take_for_channel()
        if self._unsent:
            self._to_send.set()

    async def _write(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                while self._unsent:
                    await self._write_first()
                await _next(self._to_send)

    async def _write_first(self) -> None:
        message = self._unsent[0]
        try:
            await self._peer.send(message)
        except MessageTooLong as fault:
            self._line.unsent(message, f"this message cannot be sent over WebRTC: {fault}")
            self._tell()
        self._unsent.popleft()
        self._room.set()

    def _tell(self) -> None:
        """Give the application what there is for it."""
        self._unread += self._line.take_for_application()
        self._arrived.set()

    async def _until_read(self) -> None:
        while len(self._unread) > _MAX_UNREAD:
            await _next(self._taken)

    def _end(self, closed: ConnectionClosed) -> None:
        if self._ended is None:
            self._line.end()
            self._tell()
            self._ended = closed
        self._arrived.set()
        self._room.set()


async def _next(changed: asyncio.Event) -> None:
    changed.clear()
    await changed.wait()


def _new_id(kind: str) -> str:
    return f"{kind}_{random_bytes(10).hex()}"


def _first(group: BaseExceptionGroup[ConnectionClosed]) -> ConnectionClosed:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
