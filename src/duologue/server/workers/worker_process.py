"""A worker as the parent has it: its process, its channel, and the socket over which its connections go."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from duologue.server.workers.handed_sockets import hand_over
from duologue.server.workers.messages import ChannelReader, FromParent, FromWorker, Ready, frame
from duologue.server.workers.passed_streams import streams_pair
from duologue.server.workers.worker_place import VARIABLE, WorkerPlace

__all__ = ["WorkerProcess"]

_MAX_UNSENT_BYTES: Final = 64 * 1024 * 1024
"""Answers that a worker does not take: more than all client secrets there may be. It hangs, and is killed."""

_READ_BYTES: Final = 256 * 1024


class WorkerProcess:
    """One worker. Make it with `start`."""

    def __init__(
        self,
        number: int,
        process: Process,
        way: socket.socket,
        streams: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.number = number
        """No other worker of this parent has or had it."""
        self.ready: asyncio.Event = asyncio.Event()
        self.started: asyncio.Event = asyncio.Event()
        """Set when it has become ready, or has ended before."""
        self.gone: asyncio.Event = asyncio.Event()
        """Set when it has ended, and nothing is counted for it any more."""
        self.left: asyncio.Event = asyncio.Event()
        """Set when it is not in its place any more: it has ended, or another one has replaced it."""
        self.retired = False
        """Whether it was told to end, so that its end is no death."""
        self.said: Ready | None = None
        """What it has said when it became ready."""
        self.figures_due: asyncio.Future[None] | None = None
        """Done when the figures that were asked for are there."""
        self._process = process
        self._way = way
        self.streams = streams
        """Over which streams to other workers come from it, and go to it."""
        self._reader = reader
        self._writer = writer
        self._decoder = msgspec.msgpack.Decoder(FromWorker)

    @classmethod
    async def start(cls, number: int, command: Sequence[str], *, workers: int) -> WorkerProcess:
        """Start a worker by this command. Raises OSError."""
        control, its_control = socket.socketpair()
        way, its_way = socket.socketpair()
        streams, its_streams = streams_pair()
        theirs = its_control.fileno(), its_way.fileno(), its_streams.fileno()
        place = WorkerPlace(control=theirs[0], handed=theirs[1], streams=theirs[2], number=number, workers=workers)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=DEVNULL,
                pass_fds=theirs,
                env={**os.environ, VARIABLE: place.text},
                # Ctrl-C in a terminal signals every process of the group; the parent ends the workers itself.
                start_new_session=True,
            )
        except BaseException:
            for each in (control, way, streams):
                each.close()
            raise
        finally:
            for each in (its_control, its_way, its_streams):
                each.close()
        way.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=control)
        return cls(number, process, way, streams, reader, writer)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def hand_over(self, client: socket.socket) -> None:
        """Send it a connection. Raises OSError: it has died, or has not taken the ones before."""
        hand_over(self._way, client)

    def post(self, message: FromParent) -> None:
        """Send a message, if it lives."""
        if self._writer.is_closing():
            return
        self._writer.write(frame(message))
        if self._writer.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self.kill()

    async def messages(self) -> AsyncGenerator[FromWorker, None]:
        """What it says, until it ends."""
        reader = ChannelReader()
        while True:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError:
                return
            if not data:
                return
            for content in reader.feed(data):
                message: FromWorker = self._decoder.decode(content)
                yield message

    def terminate(self) -> None:
        """Have it end its sessions at once."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def wait(self) -> int:
        """Wait for its end. Returns its exit code, negative for a signal."""
        return await self._process.wait()

    def close(self) -> None:
        """Free the sockets."""
        self._way.close()
        self.streams.close()
        self._writer.close()
