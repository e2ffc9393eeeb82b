"""Where the user's speech comes from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMU
from duologue.audio.wav import Sound, WavWriter
from duologue.client.sound.sinks import result_of
from duologue.client.sound.sources import AudioSource, source_of
from duologue.errors import AudioError
from duologue.sound import WavSource
from tests.client.sound._virtual_time import in_virtual_time

UNSAID: dict[str, Any] = {"encoding": None, "rate_hz": None, "channels": None}


async def all_of(source: AudioSource) -> list[Any]:
    """All pieces that a source gives."""
    await result_of(source.open(PCM))
    pieces = []
    async with asyncio.timeout(60):
        while (piece := await result_of(source.read())) is not None:
            pieces.append(piece)
    await result_of(source.close())
    return pieces


@in_virtual_time
async def test_a_clip_comes_in_real_time_and_silence_behind_it() -> None:
    loop = asyncio.get_running_loop()
    clip, began = Sound(b"\1\2" * 16_000, 16_000), loop.time()
    source = WavSource(clip, silence_ms=500)
    pieces = await all_of(source)
    assert b"".join(pieces) == clip.pcm16 + bytes(16_000)
    assert {len(piece) for piece in pieces[:-1]} == {1280}
    assert loop.time() - began == pytest.approx(1.5)
    assert source.rate_hz == 16_000
    began = loop.time()
    assert b"".join(await all_of(WavSource(clip, silence_ms=0, paced=False))) == clip.pcm16
    assert loop.time() == began


async def test_a_file_is_read_when_it_is_opened_and_its_fault_comes_then(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav", rate_hz=8_000) as file:
        file.write(b"\1\2" * 100)
    assert b"".join(await all_of(WavSource(tmp_path / "a.wav", silence_ms=0, paced=False))) == b"\1\2" * 100
    with pytest.raises(AudioError, match="cannot read"):
        await all_of(WavSource(tmp_path / "b.wav"))


def iterates() -> Iterator[bytes]:
    yield from (b"ab", b"", b"cd")


async def iterates_async() -> AsyncIterator[bytes]:
    for piece in iterates():
        yield piece


def function(pieces: list[Any]) -> Any:
    return lambda: pieces.pop(0) if pieces else None


def coroutine_function(pieces: list[Any]) -> Any:
    async def read() -> Any:
        return pieces.pop(0) if pieces else b""

    return read


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("make", [iterates, iterates_async, lambda: [b"ab", b"", b"cd"]])
async def test_iterators_give_what_they_have_also_what_is_empty(make: Any, in_thread: bool) -> None:
    pieces = await all_of(source_of(make(), **UNSAID, in_thread=in_thread))
    assert [piece for piece in pieces if piece] == [b"ab", b"cd"]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_function_is_called_until_it_returns_nothing(in_thread: bool) -> None:
    for end in (None, b""):
        source = source_of(function([b"ab", b"cd", end, b"ef"]), **UNSAID, in_thread=in_thread)
        assert await all_of(source) == [b"ab", b"cd"]
    assert await all_of(source_of(coroutine_function([b"ab"]), **UNSAID)) == [b"ab"]


async def test_a_generator_that_is_not_read_to_its_end_is_closed() -> None:
    closed: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"ab"
        finally:
            closed.append("async")

    def endless_too() -> Iterator[bytes]:
        try:
            while True:
                yield b"ab"
        finally:
            closed.append("sync")

    for source in (source_of(endless(), **UNSAID), source_of(endless_too(), **UNSAID)):
        assert await result_of(source.read()) == b"ab"
        await result_of(source.close())
    assert closed == ["async", "sync"]


async def test_closing_does_not_wait_for_a_function_that_blocks() -> None:
    release = threading.Event()
    source = source_of(lambda: b"" if release.wait(5) else None, **UNSAID, in_thread=True)
    reading = asyncio.ensure_future(result_of(source.read()))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await result_of(source.close())
    reading.cancel()
    release.set()


def test_what_is_said_of_a_source_is_kept_with_it_and_is_for_those_that_do_not_know() -> None:
    source = source_of(iterates(), encoding=PCMU, rate_hz=8_000, channels=1)
    assert (source.encoding, source.rate_hz, source.channels) == (PCMU, 8_000, 1)
    for known in (WavSource("a.wav"), Sound(b"", 8_000)):
        with pytest.raises(TypeError, match="knows its format"):
            source_of(known, encoding=None, rate_hz=8_000, channels=None)
    assert isinstance(source_of(Sound(b"", 8_000), **UNSAID), WavSource)


@pytest.mark.parametrize(
    ("what", "problem"), [("a.wav", "WavSource reads a file"), (b"ab", "send_audio"), (7, "a source is")]
)
def test_what_is_no_source_is_refused_when_it_is_given(what: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        source_of(what, **UNSAID)


async def test_a_source_of_ones_own_needs_to_read_only() -> None:
    class Least(AudioSource):
        def read(self) -> None:
            return None

    assert await all_of(Least()) == []
    with pytest.raises(NotImplementedError):
        AudioSource().read()
