"""The loudspeaker of this machine, with a PortAudio that the test makes."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.errors import DuologueError
from duologue.sound import Loudspeaker
from tests.client.sound._portaudio import NoStream, OnlyAt48k, Stream, install

AT_8K, AT_48K = Encoding.of("audio/pcm", 8_000), Encoding.of("audio/pcm", 48_000)


async def test_a_loudspeaker_plays_at_the_session_s_rate_from_start_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    loudspeaker = Loudspeaker("headset")
    assert await loudspeaker.open(PCMU) == AT_8K
    [stream] = Stream.opened
    assert stream.settings["device"] == "headset"
    assert stream.plays(4) == bytes(4)
    loudspeaker.start(lambda n_bytes, at_s: b"\x01" * n_bytes)
    assert stream.plays(4) == b"\x01" * 4
    assert abs(loudspeaker.now() - time.monotonic()) < 5
    await loudspeaker.close()
    assert not stream.is_open


async def test_a_device_that_does_not_play_at_that_rate_plays_at_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, OnlyAt48k)
    assert await Loudspeaker().open(PCMU) == AT_48K
    with pytest.raises(DuologueError, match="at 16000 Hz"):
        await Loudspeaker(rate_hz=16_000).open(PCMU)


async def test_a_device_that_cannot_be_opened_at_all_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, NoStream)
    loudspeaker = Loudspeaker()
    with pytest.raises(DuologueError, match="no loudspeaker can be opened at 48000 Hz"):
        await loudspeaker.open(PCMU)
    await loudspeaker.close()


async def test_a_device_that_opens_after_the_wait_for_it_was_cancelled_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed, release, opening = threading.Event(), threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> object:
        opening.set()
        release.wait(5)
        return closed.set

    monkeypatch.setattr("duologue.client.sound.loudspeaker.open_loudspeaker", slow)
    device = Loudspeaker()
    waiting = asyncio.ensure_future(device.open(PCM))
    async with asyncio.timeout(5):
        await asyncio.to_thread(opening.wait, 5)
        waiting.cancel()
        await asyncio.wait([waiting])
        await device.close()
        release.set()
        await asyncio.to_thread(closed.wait, 5)
    assert closed.is_set()
