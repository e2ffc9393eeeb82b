"""A telephone line, 8 kHz G.711 both ways, as gateways deliver it: frames of 20 ms, in real time."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from duologue.audio.formats import PCMU, Encoding
from duologue.audio.pacing import FRAME_MS, silence
from duologue.client.sound.sinks import AudioSink, result_of
from duologue.client.sound.sources import AudioSource

__all__ = ["Line", "LineSink", "LineSource"]

_QUIET_S: Final = 0.08
"""After so long without a frame the line counts as silent: what networks delay is mostly less."""


class Line(Protocol):
    """One call of a gateway. It may have a method `drop` as well, which empties the gateway's queue."""

    async def read(self) -> bytes | None:
        """The next audio of the caller, of any length; None when the call is over."""
        ...

    async def write(self, audio: bytes, /) -> None:
        """Send 20 ms to the caller."""
        ...


class LineSink(AudioSink):
    """Speech for the caller: frames of 20 ms, each when it is due; the last one is filled up with silence.

    When the caller interrupts, the line's `drop` is called, if it has one: Twilio calls that `clear`, others `flush`.
    """

    def __init__(self, line: Line, *, encoding: Encoding = PCMU, latency_ms: float = 0.0) -> None:
        """`encoding` is that of the line; `latency_ms` is how long its gateway queues a frame."""
        self.latency_ms = latency_ms
        self._line = line
        self._encoding = encoding
        self._drop: Any = getattr(line, "drop", None)
        self.drops: bool = self._drop is not None

    def open(self, session: Encoding) -> Encoding:
        """The encoding of the line."""
        return self._encoding

    async def write(self, audio: bytes) -> None:
        """Send a frame."""
        missing = self._encoding.bytes_for_ms(FRAME_MS) - len(audio)
        await self._line.write(audio + silence(self._encoding, missing))

    async def drop(self) -> None:
        """Empty the gateway's queue."""
        if self._drop is not None:
            await result_of(self._drop())


class LineSource(AudioSource):
    """Speech of the caller, and silence while the line delivers nothing: a server hears turns end by silence alone."""

    def __init__(self, line: Line, *, encoding: Encoding = PCMU) -> None:
        """`encoding` is that of the line."""
        self.encoding: Encoding | None = encoding
        self._line = line
        self._silence = silence(encoding, encoding.bytes_for_ms(FRAME_MS))
        self._reading: asyncio.Task[bytes | None] | None = None
        self._quiet_at_s = 0.0

    def open(self, session: Encoding) -> None:
        """Begin to listen."""
        self._quiet_at_s = asyncio.get_running_loop().time() + _QUIET_S

    async def read(self) -> bytes | None:
        """What the caller said, or 20 ms of silence; None when the call is over."""
        loop = asyncio.get_running_loop()
        if self._reading is None:
            # Not cancelled when it takes long: what it has read by then would be lost.
            self._reading = asyncio.ensure_future(self._line.read())  # noqa: TID251 - `close` ends it
        await asyncio.wait([self._reading], timeout=max(0.0, self._quiet_at_s - loop.time()))
        if not self._reading.done():
            self._quiet_at_s += FRAME_MS / 1000
            return self._silence
        reading, self._reading = self._reading, None
        self._quiet_at_s = loop.time() + _QUIET_S
        return reading.result() or None

    async def close(self) -> None:
        """Listen no more. The line stays open."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
