"""Where the model's speech goes: a WAV file, a function, anything that can be written to."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from duologue.audio.formats import PCM, Encoding
from duologue.audio.wav import WavWriter
from duologue.client.sound.worker_thread import WorkerThread

__all__ = ["AudioSink", "FunctionSink", "InThread", "SinkLike", "WavSink", "Writable", "result_of", "sink_of"]


_RESERVE_MS: Final = 60.0
"""Three frames: threads of a busy machine are late by less, and it is hardly heard behind an interruption."""


class AudioSink:
    """Takes speech at the speed at which it is heard, 20 ms at a time. Subclasses write `write`, and what differs.

    Each method but `__init__` may be a coroutine function. Functions run on the event loop of the conversation and
    must not block it: `InThread` has those of another sink run in a thread. What one raises ends the playback.
    """

    paced: bool = True
    """Whether audio is due when it is heard. False: it is written as it comes, and counts as heard then."""

    latency_ms: float = 0.0
    """How long after it was written audio is heard."""

    lead_ms: float = 0.0
    """How long before it is due audio is written, for a receiver that keeps a reserve."""

    drops: bool = False
    """Whether `drop` reaches all that was written and has not been heard yet."""

    def open(self, session: Encoding) -> Encoding | Awaitable[Encoding]:
        """Begin. Returns the encoding in which audio is to be written; by default it is the session's output."""
        return session

    def write(self, audio: bytes) -> Awaitable[None] | None:
        """Take the next 20 ms; less at the end of a passage."""
        raise NotImplementedError

    def drop(self) -> Awaitable[None] | None:
        """The user interrupts: what was written and not heard yet is not to be heard."""
        return None

    def close(self) -> Awaitable[None] | None:
        """End. Called once, also when `write` has failed."""
        return None


@runtime_checkable
class Writable(Protocol):
    """What has a method `write`, and maybe a method `drop`: a stream of an audio library, a file of raw samples."""

    def write(self, audio: bytes, /) -> object:
        """Take the next 20 ms."""
        ...


SinkLike: TypeAlias = AudioSink | Writable | Callable[[bytes], object]
"""What `play` takes besides a loudspeaker. A function is called with each 20 ms."""


class FunctionSink(AudioSink):
    """Writes by a function, or a coroutine function, in `encoding`; by default in that of the session's output."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        *,
        drop: Callable[[], object] | None = None,
        encoding: Encoding | None = None,
        latency_ms: float = 0.0,
        lead_ms: float = 0.0,
    ) -> None:
        self.latency_ms: float = latency_ms
        self.lead_ms: float = lead_ms
        self.drops: bool = drop is not None
        self._write: Any = write
        self._drop: Any = drop
        self._encoding = encoding

    def open(self, session: Encoding) -> Encoding:
        """The encoding of the function."""
        return self._encoding if self._encoding is not None else session

    def write(self, audio: bytes) -> Awaitable[None] | None:
        """Call the function."""
        return _awaitable_or_none(self._write(audio))

    def drop(self) -> Awaitable[None] | None:
        """Call the other function, if there is one."""
        return _awaitable_or_none(self._drop()) if self._drop is not None else None


class WavSink(AudioSink):
    """Writes a WAV file, which is valid at every moment; pauses between passages are left out.

    In real time, so that an interruption cuts what would not have been heard; `paced=False` writes speech as it comes.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, rate_hz: int | None = None, paced: bool = True, replace: bool = True
    ) -> None:
        """`rate_hz` is by default that of the session. With `replace=False` a file that exists is an AudioError."""
        self.path = path
        self.paced = paced
        self._rate_hz = rate_hz
        self._replace = replace
        self._file: WavWriter | None = None

    def open(self, session: Encoding) -> Encoding:
        """Create the file. Raises AudioError if that is not possible."""
        rate_hz = self._rate_hz if self._rate_hz is not None else session.rate_hz
        self._file = WavWriter(self.path, rate_hz=rate_hz, replace=self._replace)
        return replace(PCM, rate_hz=rate_hz)

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds written so far."""
        return self._file.duration_ms if self._file is not None else 0

    def write(self, audio: bytes) -> None:
        """Append samples. Raises as `WavWriter.write` does."""
        assert self._file is not None
        self._file.write(audio)

    def close(self) -> None:
        """Complete the file."""
        if self._file is not None:
            self._file.close()


class InThread(AudioSink):
    """Another sink, or a function, that blocks: all of it runs in one thread, in order.

    What is a coroutine all the same is awaited on the event loop. `lead_ms` is the reserve that a device keeps, 60 ms
    for functions: without one it runs dry while the next 20 ms are on their way.
    """

    def __init__(self, sink: SinkLike, *, encoding: Encoding | None = None, lead_ms: float | None = None) -> None:
        self._sink = sink_of(sink, encoding=encoding)
        self.paced: bool = self._sink.paced
        self.latency_ms: float = self._sink.latency_ms
        self.drops: bool = self._sink.drops
        reserve_ms = _RESERVE_MS if isinstance(self._sink, FunctionSink) else 0.0
        self.lead_ms: float = lead_ms if lead_ms is not None else max(self._sink.lead_ms, reserve_ms)
        self._thread = WorkerThread("duologue-sink")

    async def open(self, session: Encoding) -> Encoding:
        """Open the sink in the thread."""
        found: Encoding = await result_of(await self._thread.run(self._sink.open, session))
        return found

    async def write(self, audio: bytes) -> None:
        """Write in the thread; waits until that is done."""
        await result_of(await self._thread.run(self._sink.write, audio))

    async def drop(self) -> None:
        """Drop in the thread, behind what is being written."""
        await result_of(await self._thread.run(self._sink.drop))

    async def close(self) -> None:
        """Close the sink, and end the thread."""
        try:
            await result_of(await self._thread.run(self._sink.close))
        finally:
            self._thread.end()


_WRITABLE: Final = "a sink is an AudioSink, a PullSink, a function that takes bytes, or has a method write"


def sink_of(sink: SinkLike, *, encoding: Encoding | None = None) -> AudioSink:
    """The sink, or one that writes to it in `encoding`.

    Raises:
        TypeError: it is none, or a sink with an encoding of its own.
    """
    if isinstance(sink, AudioSink):
        if encoding is not None:
            raise TypeError(f"{type(sink).__name__} has an encoding of its own; leave encoding= out")
        return sink
    if isinstance(sink, Writable):
        drop: Any = getattr(sink, "drop", None)
        return FunctionSink(sink.write, drop=drop if callable(drop) else None, encoding=encoding)
    if callable(sink):
        return FunctionSink(sink, encoding=encoding)
    raise TypeError(f"{_WRITABLE}; this is {type(sink).__name__}")


async def result_of(value: Any) -> Any:
    """The value, or what it is once it was awaited."""
    return await value if inspect.isawaitable(value) else value


def _awaitable_or_none(result: Any) -> Awaitable[None] | None:
    """What a function returned if it must be awaited; what else it returns, a number of bytes say, means nothing."""
    return result if inspect.isawaitable(result) else None
