"""The microphone of this machine, with a PortAudio that the test makes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from duologue.audio.formats import PCM, Encoding
from duologue.errors import DuologueError
from duologue.sound import Microphone
from tests.client.sound._portaudio import NoStream, OnlyAt48k, Stream, install


async def test_what_a_microphone_hears_comes_in_pieces_of_40_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    microphone = Microphone()
    await microphone.open(PCM)
    assert microphone.encoding == PCM
    [stream] = Stream.opened
    heard = bytes(range(240)) * 16
    reading = asyncio.ensure_future(microphone.read())
    for at in range(0, len(heard), 960):
        stream.records(heard[at : at + 960])
    async with asyncio.timeout(5):
        assert await reading + await microphone.read() == heard
    assert len(reading.result()) == 1920
    await microphone.close()
    assert not stream.is_open


async def test_while_the_server_does_not_read_eight_seconds_wait_and_the_log_says_what_is_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(monkeypatch)
    microphone = Microphone()
    await microphone.open(PCM)
    [stream] = Stream.opened
    for _ in range(205):
        stream.records(bytes(1920))
    async with asyncio.timeout(5):
        for _ in range(200):
            assert await microphone.read() == bytes(1920)
        stream.records(b"\1" * 1920)
        assert await microphone.read() == b"\1" * 1920
    assert caplog.text.count("the server is too slow") == 1
    await microphone.close()


async def test_a_device_that_does_not_record_at_the_session_s_rate_records_at_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, OnlyAt48k)
    microphone = Microphone()
    await microphone.open(PCM)
    assert microphone.encoding == Encoding.of("audio/pcm", 48_000)
    await microphone.close()
    with pytest.raises(DuologueError, match="at 16000 Hz"):
        await Microphone(rate_hz=16_000).open(PCM)
    install(monkeypatch, NoStream)
    broken = Microphone()
    with pytest.raises(DuologueError, match="no microphone"):
        await broken.open(PCM)
    await broken.close()


async def test_a_device_that_opens_after_the_wait_for_it_was_cancelled_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed, release, opening = threading.Event(), threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> object:
        opening.set()
        release.wait(5)
        return closed.set

    monkeypatch.setattr("duologue.client.sound.microphone.open_microphone", slow)
    device = Microphone()
    waiting = asyncio.ensure_future(device.open(PCM))
    async with asyncio.timeout(5):
        await asyncio.to_thread(opening.wait, 5)
        waiting.cancel()
        await asyncio.wait([waiting])
        await device.close()
        release.set()
        await asyncio.to_thread(closed.wait, 5)
    assert closed.is_set()
