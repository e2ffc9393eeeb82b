"""A carrier in memory: its end of the socket, written with the codec's own carrier side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue.audio.formats import PCMU
from duologue.errors import ConnectionClosed
from duologue.telephony import CallerAudio, LegCodec
from duologue.telephony.codecs.leg_events import (
    LegCommand,
    LegEvent,
    MarkCommand,
    Played,
    UnknownLegFrame,
)
from duologue.testing.sounds import tone
from duologue.transports import MemoryTransport, Transport, memory_pair
from tests.telephony._frames import FRAMES, started

__all__ = ["MemoryCarrier", "carrier", "speech_frames"]


def speech_frames(ms: int) -> list[bytes]:
    """A tone in frames of 20 ms, which the scripted engines hear as speech."""
    audio = PCMU.from_pcm16(tone(ms, rate_hz=PCMU.rate_hz))
    return [audio[at : at + 160] for at in range(0, len(audio), 160)]


class MemoryCarrier:
    """Sends the caller's side in real time or at once, and plays nothing by itself: marks are echoed when told."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.transport = transport
        self.codec: LegCodec = started(name)
        self.commands: list[LegCommand | UnknownLegFrame] = []
        self.changed = asyncio.Condition()
        self.closed: tuple[int, str] | None = None
        self._n_chunks = 0

    async def tell(self, *events: LegEvent) -> None:
        """Send events."""
        for event in events:
            await self.transport.send(self.codec.write(event))

    async def say(self, *frames: bytes) -> None:
        """Send caller's audio at once."""
        for frame in frames:
            self._n_chunks += 1
            await self.tell(CallerAudio(audio=frame, chunk=self._n_chunks, at_ms=20 * self._n_chunks))

    async def until(self, kind: type[LegCommand], n: int = 1) -> list[LegCommand]:
        """The first `n` commands of a kind; waits 5 s at most."""

        def found() -> list[LegCommand]:
            return [each for each in self.commands if isinstance(each, kind)]

        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(found()) >= n)
        return found()[:n]

    async def until_closed(self) -> tuple[int, str]:
        """How our side closed the connection; waits 5 s at most."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.closed is not None)
        assert self.closed is not None
        return self.closed

    async def echo_marks(self) -> None:
        """Return all marks so far."""
        await self.tell(*(Played(name=each.name) for each in self.commands if isinstance(each, MarkCommand)))

    async def read(self) -> None:
        """Collect commands until the connection is closed."""
        try:
            while True:
                command = self.codec.read_command(await self.transport.receive())
                async with self.changed:
                    self.commands.append(command)
                    self.changed.notify_all()
        except ConnectionClosed as fault:
            async with self.changed:
                self.closed = fault.code, fault.reason
                self.changed.notify_all()


@asynccontextmanager
async def carrier(
    name: str = "twilio", *, starts: bool = True
) -> AsyncGenerator[tuple[MemoryCarrier, MemoryTransport], None]:
    """A carrier, and the application's end of its socket; the start of a call is sent."""
    theirs, ours = memory_pair(4_096)
    each = MemoryCarrier(name, theirs)
    for frame in FRAMES[name][: 2 if starts and "vonage" not in name and "asterisk" not in name else starts]:
        await theirs.send(frame)
    reading = asyncio.ensure_future(each.read())
    try:
        yield each, ours
    finally:
        reading.cancel()
        await asyncio.wait([reading])
