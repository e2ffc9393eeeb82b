"""Asterisk's end of an AudioSocket connection."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from duologue.telephony import AudioSocket, AudioSocketListener, AudioSocketSplitter
from duologue.telephony.codecs.leg_events import CallStarted

__all__ = ["CALL_ID", "STARTED", "AsteriskEnd", "calling"]

CALL_ID: Final = str(uuid.UUID(int=7))
STARTED: Final = CallStarted(call_id=CALL_ID, encoding=AudioSocket().encoding)


class AsteriskEnd:
    """Asterisk's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._codec, self._splitter = AudioSocket(), AudioSocketSplitter()
        self._read: list[bytes] = []

    async def tell(self, *events: Any) -> None:
        self.writer.write(b"".join(bytes(self._codec.write(event)) for event in events))  # type: ignore[arg-type]
        await self.writer.drain()

    async def command(self) -> object:
        """The next command, None at the end of the connection."""
        while not self._read:
            data = await self.reader.read(4_096)
            if not data:
                return None
            self._read += self._splitter.push(data)
        return self._codec.read_command(self._read.pop(0))

    async def until(self, kind: type, *, loud: bool = False, within_s: float = 5) -> object:
        async with asyncio.timeout(within_s):
            while True:
                command = await self.command()
                assert command is not None, "the connection has ended"
                if isinstance(command, kind) and (not loud or any(getattr(command, "audio", b""))):
                    return command


@asynccontextmanager
async def calling(listener: AudioSocketListener) -> AsyncGenerator[AsteriskEnd, None]:
    reader, writer = await asyncio.open_connection(*listener.address)
    try:
        yield AsteriskEnd(reader, writer)
    finally:
        writer.transport.abort()
