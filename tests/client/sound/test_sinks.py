"""Where speech goes."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path
from typing import Any

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.audio.wav import read_wav
from duologue.client.sound.sinks import result_of, sink_of
from duologue.errors import AudioError
from duologue.sound import AudioSink, FunctionSink, InThread, WavSink


class Stream:
    """What an audio library has."""

    def __init__(self) -> None:
        self.written: list[object] = []

    def write(self, audio: bytes, /) -> int:
        self.written.append(audio)
        return len(audio)

    def drop(self) -> None:
        self.written.append("drop")


async def test_a_function_and_what_has_a_method_write_are_sinks() -> None:
    stream, raw, called = Stream(), io.BytesIO(), list[bytes]()
    for sink in (stream, raw, called.append):
        made = sink_of(sink)
        assert made.open(PCMU) == PCMU
        assert made.write(b"ab") is None
        assert made.drop() is None
        assert made.close() is None
    assert stream.written == [b"ab", "drop"]
    assert raw.getvalue() == b"ab"
    assert called == [b"ab"]
    assert [sink_of(sink).drops for sink in (stream, raw, called.append)] == [True, False, False]
    assert sink_of(stream, encoding=PCMA).open(PCM) == PCMA


@pytest.mark.parametrize("what", [7, None, b"audio"])
def test_what_is_no_sink_is_refused_when_it_is_given(what: Any) -> None:
    with pytest.raises(TypeError, match="a sink is"):
        sink_of(what)


def test_a_sink_with_an_encoding_of_its_own_takes_no_other(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="an encoding of its own"):
        sink_of(WavSink(tmp_path / "a.wav"), encoding=PCM)


async def test_coroutine_functions_are_awaited() -> None:
    written: list[bytes] = []

    async def write(audio: bytes) -> None:
        written.append(audio)

    await result_of(FunctionSink(write).write(b"ab"))
    assert written == [b"ab"]
    assert await result_of(7) == 7


def test_a_file_has_the_session_s_rate_or_another(tmp_path: Path) -> None:
    for rate_hz, expected in ((None, 8_000), (16_000, 16_000)):
        sink = WavSink(tmp_path / "a.wav", rate_hz=rate_hz)
        assert sink.duration_ms == 0
        assert sink.open(PCMU) == Encoding.of("audio/pcm", expected)
        sink.write(bytes(2 * expected))
        assert sink.duration_ms == 1000
        sink.close()
        assert read_wav(sink.path).rate_hz == expected
    with pytest.raises(AudioError, match="exists already"):
        WavSink(tmp_path / "a.wav", replace=False).open(PCM)
    WavSink(tmp_path / "b.wav").close()
    assert not (tmp_path / "b.wav").exists()


async def test_a_sink_that_blocks_runs_in_one_thread_in_order() -> None:
    threads: set[str] = set()

    class Blocking(AudioSink):
        latency_ms = 30.0
        drops = True
        done: list[str] = []  # noqa: RUF012 - of one object

        def _do(self, what: str) -> None:
            threads.add(threading.current_thread().name)
            self.done.append(what)

        def open(self, session: Encoding) -> Encoding:
            self._do("open")
            return PCMA

        def write(self, audio: bytes) -> None:
            self._do("write")

        def drop(self) -> None:
            self._do("drop")

        def close(self) -> None:
            self._do("close")

    inner = Blocking()
    sink = InThread(inner, lead_ms=60)
    assert (sink.latency_ms, sink.lead_ms, sink.drops, sink.paced) == (30.0, 60, True, True)
    async with asyncio.timeout(5):
        assert await sink.open(PCM) == PCMA
        await sink.write(b"")
        await sink.drop()
        await sink.close()
    assert inner.done == ["open", "write", "drop", "close"]
    assert threads == {"duologue-sink"}
    assert [InThread(each).lead_ms for each in (print, FunctionSink(print, lead_ms=90), Blocking())] == [60, 90, 0]


async def test_a_sink_that_only_writes_takes_the_session_s_encoding() -> None:
    class Least(AudioSink):
        def write(self, audio: bytes) -> None:
            raise OSError("full")

    sink = Least()
    assert sink.open(PCMU) == PCMU
    assert (sink.drop(), sink.close()) == (None, None)
    with pytest.raises(NotImplementedError):
        AudioSink().write(b"")
