"""Where the user's speech comes from: a WAV file, an iterator, a function."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from duologue.audio.formats import Encoding
from duologue.audio.input_stream import AudioInput
from duologue.audio.wav import Sound, read_wav
from duologue.client.sound.sinks import result_of
from duologue.client.sound.worker_thread import WorkerThread

__all__ = ["AudioSource", "FunctionSource", "InThreadSource", "IteratorSource", "SourceLike", "WavSource", "source_of"]

_PIECE_MS: Final = 40
"""Audio in one append: it delays turn detection by as much, and 25 messages a second cost little."""


class AudioSource:
    """Gives audio piece by piece, as it comes. Subclasses write `read`, and what differs.

    Each method but `__init__` may be a coroutine function. Functions run on the event loop of the conversation and
    must not block it. What one raises ends the listening.
    """

    encoding: Encoding | None = None
    """As in `send_audio`: None if it is the session's, or PCM16 where there is a rate."""
    rate_hz: int | None = None
    channels: int | None = None

    def open(self, session: Encoding) -> Awaitable[None] | None:
        """Begin; `session` is the encoding that the session takes."""
        return None

    def read(self) -> AudioInput | Awaitable[AudioInput | None] | None:
        """The next piece; None at the end."""
        raise NotImplementedError

    def close(self) -> Awaitable[None] | None:
        """End. Called once, also when `read` has failed."""
        return None


SourceLike: TypeAlias = (
    AudioSource
    | Sound
    | AsyncIterable["AudioInput"]
    | Iterable["AudioInput"]
    | Callable[[], "AudioInput | None"]
    | Callable[[], Awaitable["AudioInput | None"]]
)
"""What `listen` takes. A function returns the next piece, and None or nothing at the end."""


class WavSource(AudioSource):
    """Speech of a WAV file, or a clip, then silence, in real time, as a microphone would give it.

    A server that detects turns needs the silence; `silence_ms` is how much. `paced=False` sends as fast as the server
    takes it.
    """

    def __init__(self, file: str | os.PathLike[str] | Sound, *, silence_ms: int = 1000, paced: bool = True) -> None:
        self._file = file
        self._silence_ms = silence_ms
        self._paced = paced
        self._pieces: Iterator[bytes] = iter(())
        self._due_s = 0.0

    async def open(self, session: Encoding) -> None:
        """Read the file. Raises as `read_wav` does."""
        file = self._file
        sound = file if isinstance(file, Sound) else await asyncio.to_thread(read_wav, file)
        self.rate_hz: int | None = sound.rate_hz
        silence = bytes(2 * (self._silence_ms * sound.rate_hz // 1000))
        self._pieces = _cut(sound.pcm16 + silence, 2 * (_PIECE_MS * sound.rate_hz // 1000))
        self._due_s = asyncio.get_running_loop().time()

    async def read(self) -> bytes | None:
        """The next 40 ms, when they are over."""
        piece = next(self._pieces, None)
        if piece is not None and self._paced and self.rate_hz is not None:
            self._due_s += len(piece) / (2 * self.rate_hz)
            await asyncio.sleep(self._due_s - asyncio.get_running_loop().time())
        return piece


class IteratorSource(AudioSource):
    """What an iterator, async or not, gives."""

    def __init__(self, pieces: AsyncIterable[AudioInput] | Iterable[AudioInput]) -> None:
        self._given = pieces
        self._iterator: AsyncIterator[AudioInput] | Iterator[AudioInput] | None = None

    async def read(self) -> AudioInput | None:
        """The next piece."""
        if self._iterator is None:
            self._iterator = aiter(self._given) if isinstance(self._given, AsyncIterable) else iter(self._given)
        if isinstance(self._iterator, AsyncIterator):
            return await anext(self._iterator, None)
        return next(self._iterator, None)

    async def close(self) -> None:
        """Close a generator, so that what it holds is let go."""
        await result_of(_closed(self._iterator))


class FunctionSource(AudioSource):
    """What a function, or a coroutine function, returns each time, until that is None or empty."""

    def __init__(self, read: Callable[[], AudioInput | Awaitable[AudioInput | None] | None]) -> None:
        self._read = read

    async def read(self) -> AudioInput | None:
        """Call the function."""
        piece: AudioInput | None = await result_of(self._read())
        return None if _is_empty(piece) else piece


class InThreadSource(AudioSource):
    """An iterator or a function that blocks: it runs in a thread. Closing does not wait for it.

    What a coroutine function returns is awaited on the event loop.
    """

    def __init__(self, source: Iterable[AudioInput] | Callable[[], AudioInput | None]) -> None:
        self._next: Callable[[], AudioInput | None]
        self._is_function = callable(source)
        self._next = source if callable(source) else _next_of(source)
        self._thread = WorkerThread("duologue-source")

    async def read(self) -> AudioInput | None:
        """The next piece, from the thread."""
        piece: AudioInput | None = await result_of(await self._thread.run(self._next))
        return None if self._is_function and _is_empty(piece) else piece

    async def close(self) -> None:
        """End the thread."""
        self._thread.end()


def source_of(
    source: SourceLike, *, encoding: Encoding | None, rate_hz: int | None, channels: int | None, in_thread: bool = False
) -> AudioSource:
    """The source, or one that reads from it; the keywords say what its audio is. `in_thread`: it may block.

    Raises:
        TypeError: it is none, or a source that knows its format itself.
    """
    if isinstance(source, AudioSource | Sound):
        if (encoding, rate_hz, channels) != (None, None, None):
            raise TypeError(f"{type(source).__name__} knows its format; leave encoding=, rate_hz= and channels= out")
        return source if isinstance(source, AudioSource) else WavSource(source)
    made: AudioSource
    if isinstance(source, bytes | bytearray | memoryview | str):
        raise TypeError(f"{type(source).__name__} is no source; send_audio sends audio, WavSource reads a file")
    if isinstance(source, AsyncIterable):
        made = IteratorSource(source)
    elif isinstance(source, Iterable):
        made = InThreadSource(source) if in_thread else IteratorSource(source)
    elif callable(source):
        made = InThreadSource(source) if in_thread else FunctionSource(source)  # type: ignore[arg-type]
    else:
        raise TypeError(f"a source is an AudioSource, an iterator or a function; this is {type(source).__name__}")
    made.encoding, made.rate_hz, made.channels = encoding, rate_hz, channels
    return made


def _cut(audio: bytes, size: int) -> Iterator[bytes]:
    return (audio[start : start + size] for start in range(0, len(audio), size))


def _is_empty(piece: AudioInput | None) -> bool:
    """What functions return at the end, files and sockets for example."""
    return isinstance(piece, bytes | bytearray) and not piece


def _next_of(pieces: Iterable[AudioInput]) -> Callable[[], AudioInput | None]:
    iterator: list[Iterator[AudioInput]] = []

    def read() -> AudioInput | None:
        if not iterator:
            iterator.append(iter(pieces))
        return next(iterator[0], None)

    return read


def _closed(iterator: Any) -> Any:
    """Begin to close a generator; an async one returns what is to be awaited."""
    close = getattr(iterator, "aclose", None) or getattr(iterator, "close", None)
    return close() if close is not None else None
