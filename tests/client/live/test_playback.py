"""The sound of a Live session on a sink, on a clock that the test controls."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue.audio.formats import PCM, PCMU
from duologue.audio.wav import read_wav
from duologue.client.live import Live, LivePlayback
from duologue.errors import AudioError, SessionLost
from duologue.notices import LiveAudioPiece, TranscriptDelta
from duologue.sound import FunctionSink, WavSink
from duologue.testing import LIVE_CLOSED, Close, Drop, Expect, ScriptedServer, Send
from tests.client.live._talking import END, START, delegates, says, serving, sound, started, talking
from tests.client.sound._speaking import HandedOver
from tests.client.sound._virtual_time import in_virtual_time

CUE = Expect("session.thinking.append")
VOICE = b"\x01\x02" * 2400
SILENCE = bytes(4800)
"""Pieces of 100 ms."""


def piece(audio: bytes, **fields: Any) -> dict[str, Any]:
    """A piece of the model's sound."""
    return sound(base64.b64encode(audio).decode(), **fields)


async def cue(live: Live) -> None:
    """Let the server begin."""
    await live.append_thinking("Begin.")


@in_virtual_time
async def test_sound_is_played_in_order_and_at_the_speed_at_which_it_is_heard() -> None:
    sink = HandedOver()
    async with talking(serving(CUE, Send(piece(VOICE), piece(SILENCE), piece(VOICE)))) as live, live.play(sink):
        await cue(live)
        await sink.until(300)
    assert sink.audio == VOICE + SILENCE + VOICE
    assert {round(b - a, 6) for (a, _), (b, _) in pairwise(sink.frames)} == {0.02}
    assert sink.is_closed


@in_virtual_time
async def test_the_end_of_the_block_waits_for_what_the_model_is_about_to_say() -> None:
    sink = HandedOver()
    async with talking(serving(CUE, Send(says("assistant", "Hello.", 0, 200), *[piece(VOICE)] * 20))) as live:
        before = asyncio.get_running_loop().time()
        async with live.play(sink) as playback:
            await cue(live)
            await asyncio.sleep(0.5)
            assert not playback.is_silent
        assert asyncio.get_running_loop().time() - before < 5
    assert sink.audio == VOICE * 20


@in_virtual_time
async def test_an_answer_to_the_user_is_waited_for() -> None:
    async with talking(serving(CUE, Send(says("user", "Hello?", 0, 200)))) as live, live.play(HandedOver()) as playback:
        await cue(live)
        await asyncio.sleep(4.9)
        assert not playback.is_silent
        await playback.drain()
        assert playback.is_silent


async def test_an_answer_comes_where_the_application_sends_no_more_audio_because_silence_is_sent() -> None:
    sink = HandedOver()
    question = Send(says("user", "Hello?", 0, 200))
    answer = (Expect("session.input_audio.append"), Send(says("assistant", "Hi.", 400, 600), piece(VOICE)))
    async with asyncio.timeout(5), talking(serving(CUE, question, *answer)) as live:
        async with live.play(sink), live.stream(TranscriptDelta) as words:
            await cue(live)
            await words.receive()
        assert sink.audio == VOICE


@in_virtual_time
async def test_delegated_work_is_waited_for() -> None:
    done = asyncio.Event()

    async def work(delegation: object) -> None:
        await done.wait()

    async with (
        talking(serving(CUE, Send(delegates("item_1"))), on_delegation=work) as live,
        live.play(HandedOver()) as playback,
    ):
        await cue(live)
        await asyncio.sleep(3)
        assert not playback.is_silent
        done.set()
        await playback.drain()


@in_virtual_time
async def test_a_burst_is_caught_up_with_by_leaving_out_silence() -> None:
    sink = HandedOver()
    burst = [piece(VOICE)] * 10 + [piece(SILENCE)] * 30 + [piece(VOICE)]
    async with talking(serving(CUE, Send(*burst))) as live, live.play(sink):
        await cue(live)
        await sink.until(1000)
    assert sink.audio.startswith(VOICE * 10)
    assert sink.audio.endswith(VOICE)
    assert len(sink.audio) < len(VOICE) * 13


async def test_a_file_gets_silence_for_what_the_server_left_out(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    pieces = (piece(VOICE, start_ms=0, end_ms=100), piece(VOICE, start_ms=2600, end_ms=2700))
    server = ScriptedServer([*START, CUE, Send(*pieces, LIVE_CLOSED), Close()])
    async with talking(server) as live, live.play(WavSink(path, paced=False)) as playback:
        await cue(live)
        await playback.wait()
    assert read_wav(path).pcm16 == VOICE + bytes(48_000 * 5 // 2) + VOICE


async def test_a_gap_that_no_session_has_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.client.live.playback._MAX_GAP_MS", 1000)
    path = tmp_path / "call.wav"
    server = ScriptedServer([*START, CUE, Send(piece(VOICE, start_ms=10**12), LIVE_CLOSED), Close()])
    async with talking(server) as live, live.play(WavSink(path, paced=False)) as playback:
        await cue(live)
        await playback.wait()
    assert len(read_wav(path).pcm16) == 48_000 + len(VOICE)


async def test_sound_is_converted_for_the_sink() -> None:
    heard: list[bytes] = []
    server = ScriptedServer(
        [*started(audio={"format": {"type": "audio/pcmu"}}), CUE, Send(piece(b"\xff" * 800), LIVE_CLOSED), Close()]
    )
    sink = FunctionSink(heard.append)
    sink.paced = False
    async with talking(server) as live, live.play(sink) as playback:
        assert live.core.encoding == PCMU
        await cue(live)
        await playback.wait()
    assert b"".join(heard) == b"\xff" * 800
    assert PCM.rate_hz == 24_000


async def test_a_sink_that_fails_ends_the_block() -> None:
    def broken(audio: bytes) -> None:
        raise AudioError("the loudspeaker is gone")

    async with talking(serving(CUE, Send(piece(VOICE)))) as live:
        await cue(live)
        with pytest.raises(AudioError, match="the loudspeaker is gone"):
            await live.play(broken)


async def test_a_lost_session_ends_the_playback() -> None:
    async with talking(ScriptedServer([*START, CUE, Drop()])) as live:
        await cue(live)
        with pytest.raises(SessionLost):
            await live.play(HandedOver())


@in_virtual_time
async def test_what_a_vendor_takes_back_is_not_played() -> None:
    sink = HandedOver()
    taken_back = {"type": "kugel.response.cancelled", "response_id": "r"}
    server = serving(CUE, Send(*[piece(VOICE)] * 100), CUE, Send(taken_back, piece(VOICE[::-1])))
    async with talking(server, dialect="kugel") as live, live.play(sink):
        await cue(live)
        await sink.until(300)
        await cue(live)
        await sink.until(600)
    assert sink.audio.endswith(VOICE[::-1])
    assert len(sink.audio) < len(VOICE) * 10


@in_virtual_time
async def test_speech_that_came_faster_than_it_plays_is_heard_to_its_end() -> None:
    sink = HandedOver()
    server = serving(CUE, Send(*[piece(VOICE)] * 300))
    async with duologue.live(model="m", open_connection=server.open_live) as live, live.play(sink):
        await cue(live)
        await sink.until(300)
    assert len(sink.audio) == len(VOICE) * 300


@pytest.mark.parametrize(
    ("format_type", "noise"),
    [("audio/pcm", b"\x30\x00\xd0\xff"), ("audio/pcmu", b"\x7b\xfc"), ("audio/pcma", b"\x54\xd7")],
)
@in_virtual_time
async def test_a_line_with_a_little_noise_is_silent(format_type: str, noise: bytes) -> None:
    rate_hz = 24_000 if format_type == "audio/pcm" else 8000
    server = ScriptedServer(
        [*started(audio={"format": {"type": format_type, "rate": rate_hz}}), CUE, Send(piece(noise * 400)), *END]
    )
    async with talking(server) as live, live.play(HandedOver()) as playback:
        await cue(live)
        await asyncio.sleep(0.1)
        assert playback.is_silent


@in_virtual_time
async def test_a_line_that_is_never_silent_is_left_in_bounded_time(caplog: pytest.LogCaptureFixture) -> None:
    async with duologue.live(model="m", open_connection=serving().open_live) as live:
        async with live.play(HandedOver()) as playback, _hissing(playback):
            left = asyncio.get_running_loop().time()
            await playback.drain()
        assert asyncio.get_running_loop().time() < left + 60
    assert "sound without words has come for 30 s" in caplog.text


@asynccontextmanager
async def _hissing(playback: LivePlayback) -> AsyncGenerator[None, None]:
    async def hiss() -> None:
        while True:
            playback.put(LiveAudioPiece(audio=VOICE, encoding=PCM, start_ms=0))
            await asyncio.sleep(0.1)

    hissing = asyncio.create_task(hiss())
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        hissing.cancel()
        await asyncio.gather(hissing, return_exceptions=True)
