"""Speech on a sink, on a clock that the test controls."""

from __future__ import annotations

import asyncio
import logging
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.audio.wav import read_wav
from duologue.client import Conversation
from duologue.errors import AudioError, ConnectionClosedError, MissingExtra
from duologue.notices import AudioDelta, Interrupted
from duologue.sound import FunctionSink, WavSink
from duologue.testing import Close, Drop, Expect, ScriptedServer, Send, Until
from tests.client._frames import audio_delta, created, greeting, serving, unasked
from tests.client._waiting import following
from tests.client.sound._speaking import CUE, HandDevice, HandedOver, cue, cut_at, hears, sound, speaks, speech, talking
from tests.client.sound._virtual_time import in_virtual_time

FRAME_MS = 20


# --- what is heard ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard_ms", [50, 790, 3000, 7990])
@in_virtual_time
async def test_eight_seconds_that_come_at_once_stop_within_150_ms_of_the_user_s_first_sound(heard_ms: int) -> None:
    speaking = asyncio.Event()
    server = serving([CUE, speaks(8000), Until(speaking), hears("started")])
    sink = HandedOver()
    async with talking(server) as conversation, conversation.play(sink):
        await cue(conversation)
        await sink.until(heard_ms)
        speaking.set()
        assert abs(await cut_at(server) - heard_ms) <= FRAME_MS
        await asyncio.sleep(10)
    assert sink.frames[-1][0] - sink.began_at_s <= heard_ms / 1000 + 0.15
    assert heard_ms <= sink.ms <= heard_ms + FRAME_MS


@in_virtual_time
async def test_what_was_heard_is_told_in_milliseconds_at_an_interruption_and_after_the_block() -> None:
    speaking, sink = asyncio.Event(), HandedOver()
    async with talking(server := serving([CUE, speaks(8000), Until(speaking), hears("started")])) as conversation:
        async with conversation.play(sink) as playback:
            await cue(conversation)
            await sink.until(500)
            speaking.set()
            assert playback.heard_ms("item_1") == await cut_at(server)
        assert (playback.heard_ms("item_1"), playback.heard_ms("item_2")) == (sink.ms, None)


@in_virtual_time
async def test_speech_is_written_at_the_speed_at_which_it_is_heard() -> None:
    sink = HandedOver()
    async with talking(serving([CUE, speaks(1000)])) as conversation, conversation.play(sink) as playback:
        await cue(conversation)
        await sink.until(500)
        assert (conversation.core.output_audio.playback.playing, playback.is_silent) == (True, False)
        await playback.drain()
        assert (conversation.core.output_audio.playback.playing, playback.is_silent) == (False, True)
    assert sink.audio == sound(1000)
    assert {round(b - a, 6) for (a, _), (b, _) in pairwise(sink.frames)} == {FRAME_MS / 1000}
    assert sink.is_closed


@in_virtual_time
async def test_speech_that_comes_more_slowly_than_it_is_spoken_is_played_in_whole_frames_and_then_to_its_end() -> None:
    sink, loop = HandedOver(), asyncio.get_running_loop()
    steps = [Until(asyncio.Event()) for _ in range(3)]
    pieces = [audio_delta("resp_1", "item_1", sound(50)), audio_delta("resp_1", "item_1", sound(55))]
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    end = {"type": "response.output_audio.done", **place}
    server = serving([CUE, Send(pieces[0]), steps[0], Send(pieces[1]), steps[1], Send(end), steps[2]])
    async with talking(server) as conversation, conversation.play(sink) as playback:
        await cue(conversation)
        await asyncio.sleep(1)
        assert sink.ms == 40
        steps[0].event.set()
        await asyncio.sleep(1)
        assert sink.ms == 100
        later = loop.time()
        steps[1].event.set()
        await playback.drain()
        assert sink.audio == sound(105)
        assert sink.frames[-1][0] >= later
        assert not conversation.core.output_audio.playback.playing


@in_virtual_time
async def test_speech_behind_a_short_pause_is_not_hurried_and_counts_from_when_it_is_heard() -> None:
    sink, going_on = HandedOver(), asyncio.Event()
    piece = audio_delta("resp_1", "item_1", sound(100))
    server = serving([CUE, Send(piece), Until(going_on), Send(piece)])
    async with talking(server) as conversation, conversation.play(sink):
        await cue(conversation)
        await sink.until(180)
        going_on.set()
        await asyncio.sleep(0.05)
        part = conversation.core.output_audio.playback._parts["item_1", 0]
        assert PCM.duration_ms(part.played_bytes) <= 150
        await asyncio.sleep(0.1)
    assert [round(at - sink.began_at_s, 3) for at, _ in sink.frames[5:]] == [0.18, 0.2, 0.22, 0.24, 0.26]


@in_virtual_time
async def test_a_sink_that_is_slow_once_catches_up_and_one_that_is_slow_for_ever_does_not_hurry() -> None:
    class Slow(HandedOver):
        async def write(self, audio: bytes) -> None:  # type: ignore[override]
            super().write(audio)
            await asyncio.sleep(0.1 if len(self.frames) == 5 else 0)

    sink = Slow()
    async with talking(serving([CUE, speaks(1000)])) as conversation, conversation.play(sink) as playback:
        await cue(conversation)
        await sink.begun.wait()
        await playback.drain()
    assert sink.audio == sound(1000)
    assert sink.frames[-1][0] - sink.began_at_s == pytest.approx(0.98)


@in_virtual_time
async def test_two_items_are_played_one_behind_the_other_and_each_is_reported() -> None:
    sink = HandedOver()
    server = serving([CUE, speaks(300), speaks(200, response_id="resp_2", item_id="item_2")])
    async with talking(server) as conversation, conversation.play(sink) as playback:
        await cue(conversation)
        await sink.begun.wait()
        await playback.drain()
        assert not conversation.core.output_audio.playback.playing
    assert sink.ms == 500


# --- encodings --------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_file_of_another_rate_holds_all_of_the_speech_and_all_of_it_counts_as_heard(tmp_path: Path) -> None:
    sink = WavSink(tmp_path / "answer.wav", rate_hz=11_025)
    server = serving([CUE, Send(*speech(sound(1000)[:-2], pieces=7))])
    async with talking(server) as conversation, conversation.play(sink) as playback:
        await cue(conversation)
        await asyncio.sleep(1)
        await playback.drain()
        assert not conversation.core.output_audio.playback.playing
    assert read_wav(tmp_path / "answer.wav").rate_hz == 11_025
    assert sink.duration_ms in (999, 1000)


@in_virtual_time
async def test_a_file_that_is_not_paced_is_written_as_it_comes(tmp_path: Path) -> None:
    sink, loop = WavSink(tmp_path / "answer.wav", paced=False), asyncio.get_running_loop()
    began = loop.time()
    async with talking(serving([CUE, speaks(8000)])) as conversation, conversation.play(sink):
        await cue(conversation)
        await asyncio.sleep(0.5)
    assert loop.time() - began < 1
    assert read_wav(tmp_path / "answer.wav").pcm16 == sound(8000)


@in_virtual_time
async def test_a_line_gets_the_bytes_of_a_g711_session_as_they_are_in_frames_of_20_ms() -> None:
    formats = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}
    frames: list[bytes] = []
    codes = bytes(range(256)) * 10
    server = ScriptedServer([Send(greeting(audio=formats)), CUE, Send(*speech(codes))])
    async with talking(server) as conversation:
        async with conversation.play(frames.append) as playback:
            await cue(conversation)
            await asyncio.sleep(1)
            await playback.drain()
        assert not conversation.core.output_audio.playback.playing
    assert b"".join(frames) == codes
    assert {len(frame) for frame in frames} == {160}


@in_virtual_time
async def test_a_function_gets_the_encoding_that_it_is_said_to_take() -> None:
    written = b""

    def write(audio: bytes) -> int:
        nonlocal written
        written += audio
        return len(audio)

    async with (
        talking(serving([CUE, speaks(1000)])) as conversation,
        conversation.play(write, encoding=PCMU) as playback,
    ):
        await cue(conversation)
        await asyncio.sleep(0.5)
        await playback.drain()
        assert not conversation.core.output_audio.playback.playing
    assert len(written) == 8000


# --- interruptions ----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_what_a_sink_holds_in_reserve_is_dropped_and_does_not_count_as_heard() -> None:
    speaking, happened = asyncio.Event(), list[str]()
    server = serving([CUE, speaks(8000), Until(speaking), hears("started")])

    async def drop() -> None:
        happened.append("drop")

    def write(audio: bytes) -> None:
        happened.append("write")

    sink = FunctionSink(write, drop=drop, latency_ms=100, lead_ms=200)
    async with talking(server) as conversation, conversation.play(sink):
        await cue(conversation)
        await asyncio.sleep(1)
        speaking.set()
        assert 880 <= await cut_at(server) <= 900
        await asyncio.sleep(1)
    assert happened == ["write"] * 61 + ["drop"]  # 1 s, 200 ms of reserve, and the frame that is due now


@in_virtual_time
async def test_an_interruption_by_hand_stops_the_sink_too_and_the_next_answer_is_heard() -> None:
    sink, going_on = HandedOver(), asyncio.Event()
    server = serving(
        [
            CUE,
            speaks(2000),
            Expect("conversation.item.truncate"),
            Until(going_on),
            speaks(300, response_id="resp_2", item_id="item_2"),
        ]
    )
    async with talking(server) as conversation, conversation.play(sink) as playback:
        await cue(conversation)
        await sink.until(500)
        await conversation.interrupt()
        assert abs(await cut_at(server) - 500) <= FRAME_MS
        before = sink.ms
        assert sink.n_dropped == 1
        going_on.set()
        await asyncio.sleep(0.1)
        await playback.drain()
        assert sink.ms == before + 300


@in_virtual_time
async def test_speech_of_a_lost_session_is_heard_to_its_end_and_can_still_be_interrupted() -> None:
    sink, speaking = HandedOver(), asyncio.Event()
    server = serving([CUE, speaks(4000), Drop()], [Until(speaking), hears("started")])
    async with talking(server) as conversation, conversation.play(sink), conversation.stream(Interrupted) as cuts:
        await cue(conversation)
        await sink.until(2000)
        assert sink.ms >= 2000
        speaking.set()
        assert (await following(cuts))[0].interruption.truncate is None
        await asyncio.sleep(1)
        assert sink.ms <= 2000 + 2 * FRAME_MS


@in_virtual_time
async def test_beside_a_file_that_has_all_speech_at_once_the_loudspeaker_counts(tmp_path: Path) -> None:
    sink, speaking = HandedOver(), asyncio.Event()
    server = serving([CUE, speaks(8000), Until(speaking), hears("started")])
    record = WavSink(tmp_path / "record.wav", paced=False)
    async with talking(server) as conversation, conversation.play(sink), conversation.play(record):
        await cue(conversation)
        await sink.until(500)
        speaking.set()
        assert abs(await cut_at(server) - 500) <= FRAME_MS
    assert record.duration_ms == 8000


@in_virtual_time
async def test_a_sink_that_comes_late_counts_from_where_the_speech_is(tmp_path: Path) -> None:
    sink, going_on, speaking = HandedOver(), asyncio.Event(), asyncio.Event()
    piece = audio_delta("resp_1", "item_1", sound(1000))
    server = serving([CUE, Send(piece), Until(going_on), Send(*[piece] * 3), Until(speaking), hears("started")])
    async with talking(server) as conversation, conversation.stream(AudioDelta) as pieces:
        await cue(conversation)
        await following(pieces)
        async with conversation.play(sink):
            going_on.set()
            await sink.until(500)
            speaking.set()
            await asyncio.sleep(0.1)
        part = conversation.core.output_audio.playback._parts["item_1", 0]
        assert PCM.duration_ms(part.played_bytes) == pytest.approx(1500, abs=FRAME_MS)


# --- loudspeakers that ask --------------------------------------------------------------------------------------------


@in_virtual_time
async def test_of_a_loudspeaker_counts_what_has_left_it_and_not_what_it_has_taken() -> None:
    speaking, device = asyncio.Event(), HandDevice(delay_s=0.1)
    server = serving([CUE, speaks(8000), Until(speaking), hears("started")])
    async with (
        talking(server) as conversation,
        conversation.play(device),
        conversation.stream(AudioDelta) as pieces,
    ):
        await cue(conversation)
        await following(pieces, 80)
        device.pass_blocks(15)
        speaking.set()
        assert await cut_at(server) == 200
        device.pass_blocks(5)
        assert device.played == sound(300)
    assert device.is_closed


@in_virtual_time
async def test_a_block_waits_until_a_loudspeaker_has_played_what_it_took() -> None:
    device = HandDevice()

    async def plays() -> None:
        while not device.is_closed:
            device.pass_blocks(1)
            await asyncio.sleep(0.02)

    async with talking(serving([CUE, speaks(500)])) as conversation, asyncio.TaskGroup() as tasks:
        async with conversation.play(device), conversation.stream(AudioDelta) as pieces:
            await cue(conversation)
            await following(pieces, 5)
            tasks.create_task(plays())
        assert device.played == sound(500)
        assert not conversation.core.output_audio.playback.playing


# --- begin and end ----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_block_that_ends_while_the_model_is_about_to_answer_ends_when_the_answer_was_heard() -> None:
    sink = HandedOver()
    answering = asyncio.Event()
    server = serving([CUE, hears("started"), hears("stopped"), Until(answering), speaks(700)])
    async with talking(server) as conversation:
        asyncio.get_running_loop().call_later(2, answering.set)  # it thinks
        async with conversation.play(sink):
            await cue(conversation)
            await asyncio.sleep(0.1)
    assert sink.audio == sound(700)


@in_virtual_time
async def test_a_block_that_raises_stops_at_once() -> None:
    sink, loop = HandedOver(), asyncio.get_running_loop()

    async def block(conversation: Conversation) -> None:
        async with conversation.play(sink):
            await cue(conversation)
            await sink.until(100)
            raise ZeroDivisionError

    async with talking(serving([CUE, speaks(8000)])) as conversation:
        with pytest.raises(ZeroDivisionError):
            await block(conversation)
        assert loop.time() - sink.began_at_s < 0.2
        assert sink.is_closed
        assert conversation.core.players == []


@in_virtual_time
async def test_a_server_that_falls_silent_does_not_keep_a_block_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    sink = HandedOver()
    server = serving([CUE, Send(unasked(created("resp_1")), audio_delta("resp_1", "item_1", sound(100)))])
    async with talking(server) as conversation, conversation.play(sink):
        await cue(conversation)
        await sink.begun.wait()
    assert "nothing has happened for 10 s" in caplog.text


class Full(HandedOver):
    """A sink on a full disk."""

    def write(self, audio: bytes) -> None:
        super().write(audio)
        if self.ms >= 100:
            raise OSError("no space left on device")


@pytest.mark.parametrize("ends_first", [False, True])
@in_virtual_time
async def test_what_a_sink_raises_ends_the_block_that_waits_for_something_else(ends_first: bool) -> None:
    sink = Full()

    async def block(conversation: Conversation) -> None:
        async with conversation.play(sink):
            await cue(conversation)
            await sink.begun.wait()
            if not ends_first:
                await asyncio.Event().wait()

    async with talking(serving([CUE, speaks(1000)])) as conversation:
        with pytest.raises(OSError, match="no space left"):
            await block(conversation)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)
        assert sink.is_closed


@in_virtual_time
async def test_a_fault_and_a_cancellation_from_outside_at_once_are_a_cancellation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Full()
    server = serving([CUE, speaks(1000)])

    async def block(conversation: Conversation) -> None:
        async with conversation.play(sink):
            await cue(conversation)
            await asyncio.Event().wait()

    async with talking(server) as conversation:
        running = asyncio.ensure_future(block(conversation))
        await sink.until(80)
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert sink.is_closed


@in_virtual_time
async def test_a_sink_that_cannot_be_opened_is_closed_and_its_block_does_not_begin(tmp_path: Path) -> None:
    async with talking(serving([])) as conversation:
        with pytest.raises(AudioError, match="cannot write"):
            async with conversation.play(WavSink(tmp_path / "no" / "such" / "folder.wav")):
                pytest.fail("the block has begun")
        with pytest.raises(TypeError, match="a sink is"):
            conversation.play(7)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="an encoding of its own"):
            conversation.play(HandedOver(), encoding=Encoding.of("audio/pcm", 8000))


@in_virtual_time
async def test_a_sink_of_another_rate_without_the_extra_says_so_before_its_block_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    async with talking(serving([])) as conversation:
        with pytest.raises(MissingExtra, match=r"duologue\[audio\]"):
            async with conversation.play(WavSink(tmp_path / "answer.wav", rate_hz=8_000)):
                pytest.fail("the block has begun")
        async with conversation.play(WavSink(tmp_path / "answer.wav")):
            pass


@in_virtual_time
async def test_a_fault_beside_that_of_the_block_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(HandedOver):
        def close(self) -> None:
            raise OSError("cannot close")

    async with talking(serving([])) as conversation:
        with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError):
            async with conversation.play(Broken()):
                raise ZeroDivisionError
    assert "cannot close" in caplog.text


@in_virtual_time
async def test_awaited_it_plays_to_the_end_of_the_conversation_and_raises_what_that_failed_with() -> None:
    for code in (1000, 3000):
        sink = HandedOver()
        async with talking(serving([CUE, speaks(1000), Close(code)])) as conversation:
            playing = asyncio.ensure_future(_play(conversation, sink))
            await asyncio.sleep(0)
            await cue(conversation)
            if code == 1000:
                await playing
            else:
                with pytest.raises(ConnectionClosedError, match="3000"):
                    await playing
            assert sink.audio == sound(1000)


async def _play(conversation: Conversation, sink: HandedOver) -> None:
    await conversation.play(sink)


@in_virtual_time
async def test_a_playback_that_is_not_entered_says_so_and_one_can_be_entered_once() -> None:
    async with talking(serving([])) as conversation:
        with pytest.warns(RuntimeWarning, match=r"write `async with conversation.play\(…\):`"):
            del [conversation.play(print)][0]
        playback = conversation.play(print)
        async with playback:
            pass
        with pytest.raises(RuntimeError, match="entered once"):
            await playback
