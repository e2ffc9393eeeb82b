"""A TCP connection of AudioSocket as a transport: a message with its header is one binary message."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from duologue.errors import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from duologue.telephony.codecs.audiosocket import AudioSocketSplitter

__all__ = ["AudioSocketStream"]

_READ_BYTES: Final = 16 * 1024
"""A second of 8 kHz audio. With a message of 64 kB that is incomplete, the most that a connection holds."""

_UNSENT_BYTES: Final = 16 * 1024
"""Of audio that is paced, so much is unsent only if the peer does not read."""

_MESSAGES_BETWEEN_YIELDS: Final = 16
"""A read can hold thousands of empty messages, and a peer that floods would block all other calls."""

_SEND_S: Final = 5.0
"""How long a peer may read nothing: it plays in real time what is sent in real time."""

_CLOSE_S: Final = 1.0
"""How long what was sent may take to leave."""

_ABNORMAL_CLOSURE: Final = 1006  # RFC 6455, section 7.4.1


class AudioSocketStream:
    """One connection. Closing it has no code on the wire: Asterisk is told the end of a call by a message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = AudioSocketSplitter()
        self._messages: deque[bytes] = deque()
        self._closed: ConnectionClosed | None = None
        self._received = 0
        writer.transport.set_write_buffer_limits(high=_UNSENT_BYTES)

    async def send(self, message: str | bytes, /) -> None:
        """Hand over one message. Raises ConnectionClosed, and TypeError for text."""
        if isinstance(message, str):
            raise TypeError("AudioSocket has no text messages")
        self._check()
        try:
            self._writer.write(message)
            async with asyncio.timeout(_SEND_S):
                await self._writer.drain()
        except TimeoutError:
            self._lose(f"the peer has read nothing for {_SEND_S:g} s")
        except OSError as fault:
            self._lose(f"the connection broke: {type(fault).__name__}")
        self._check()

    async def receive(self) -> str | bytes:
        """The next message, in order. Cancelling loses nothing. Raises ConnectionClosed."""
        self._received += 1
        if self._received % _MESSAGES_BETWEEN_YIELDS == 0:
            await asyncio.sleep(0)
        while not self._messages:
            self._check()
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError as fault:
                self._lose(f"the connection broke: {type(fault).__name__}")
                continue
            if not data:
                self._closed = self._closed or ConnectionClosedOK(1000, "the peer has closed the connection")
            self._messages.extend(self._splitter.push(data))
        return self._messages.popleft()

    async def first(self) -> bytes:
        """The next message, which `receive` will return again. Raises ConnectionClosed."""
        message = await self.receive()
        assert isinstance(message, bytes)
        self._messages.appendleft(message)
        return message

    @property
    def peer(self) -> str:
        """The peer's address."""
        address = self._writer.get_extra_info("peername")
        return str(address[0]) if address else ""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, within a second; what was sent is on its way."""
        self._closed = self._closed or ConnectionClosedOK(code, reason)
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()
                return
        self._writer.transport.abort()

    def _lose(self, reason: str) -> None:
        self._closed = self._closed or ConnectionClosedError(_ABNORMAL_CLOSURE, reason)
        self._writer.transport.abort()

    def _check(self) -> None:
        if self._closed is not None:
            raise type(self._closed)(self._closed.code, self._closed.reason)
