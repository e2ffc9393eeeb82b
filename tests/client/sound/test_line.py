"""A telephone line, on a clock that the test controls."""

from __future__ import annotations

import asyncio

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU
from duologue.sound import LineSink, LineSource
from duologue.testing import Expect, ScriptedServer, Send, Until
from tests.client._frames import greeting, sent_audio
from tests.client.sound._speaking import CUE, cue, hears, speech, talking
from tests.client.sound._virtual_time import in_virtual_time

FORMATS = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}


class Call:
    """One call of a gateway, whose frames come when they are due."""

    def __init__(self, *frames: tuple[float, bytes | None]) -> None:
        self._frames = list(frames)
        self.happened: list[bytes | str] = []

    async def read(self) -> bytes | None:
        after_s, frame = self._frames.pop(0)
        await asyncio.sleep(after_s)
        return frame

    async def write(self, audio: bytes, /) -> None:
        self.happened.append(audio)

    async def drop(self) -> None:
        self.happened.append("drop")


@in_virtual_time
async def test_a_silent_line_is_heard_as_silence_and_its_end_as_the_end() -> None:
    call = Call((0.02, b"\x01" * 160), (1.02, b"\x02" * 160), (0.02, None))
    source = LineSource(call)
    source.open(PCM)
    heard = b""
    while (piece := await source.read()) is not None:
        heard += piece
    await source.close()
    assert heard == b"\x01" * 160 + b"\xff" * 160 * 48 + b"\x02" * 160  # 1.02 s, but the first 80 ms may be delay


@in_virtual_time
async def test_a_line_that_is_left_is_not_read_any_more() -> None:
    source = LineSource(Call((100, b"")), encoding=PCMA)
    source.open(PCM)
    assert await source.read() == b"\xd5" * 160
    await source.close()
    fresh = LineSource(Call((0, b"")))
    await fresh.close()
    assert await fresh.read() is None


@in_virtual_time
async def test_the_last_frame_is_filled_up_and_a_line_without_a_queue_drops_nothing() -> None:
    call = Call()
    sink = LineSink(call, latency_ms=40)
    assert (sink.open(PCM), sink.drops, sink.latency_ms) == (PCMU, True, 40)
    await sink.write(b"\x01" * 100)
    await sink.drop()
    assert call.happened == [b"\x01" * 100 + b"\xff" * 60, "drop"]

    class Plain:
        read, write = call.read, call.write

    plain = LineSink(Plain())
    assert not plain.drops
    await plain.drop()


@in_virtual_time
async def test_a_caller_who_interrupts_hears_nothing_more_and_what_was_heard_is_exact() -> None:
    speaking = asyncio.Event()
    answer = Send(*speech(bytes(range(256)) * 250))  # eight seconds
    server = ScriptedServer([Send(greeting(audio=FORMATS)), CUE, answer, Until(speaking), hears("started")])
    call = Call((0.02, b"\x01" * 160), (100.0, None))
    async with (
        talking(server) as conversation,
        conversation.play(LineSink(call)),
        conversation.listen(LineSource(call)),
    ):
        await cue(conversation)
        await asyncio.sleep(1)
        speaking.set()
        cut = await server.wait_for("conversation.item.truncate")
        assert cut["audio_end_ms"] == pytest.approx(1000, abs=20)
        await asyncio.sleep(1)
    *frames, last = call.happened
    assert last == "drop"
    assert (
        b"".join(frame for frame in frames if isinstance(frame, bytes))
        == (bytes(range(256)) * 250)[: 160 * len(frames)]
    )
    assert len(frames) in (50, 51)
    assert sent_audio(server).startswith(b"\x01" * 160 + b"\xff" * 160)


@in_virtual_time
async def test_a_line_and_a_session_of_another_format_are_converted_both_ways() -> None:
    server = ScriptedServer([Send(greeting()), CUE, Send(*speech(bytes(48_000))), Expect("input_audio_buffer.commit")])
    call = Call(*[(0.02, b"\xff" * 160)] * 50, (0.0, None))
    async with talking(server) as conversation, conversation.play(LineSink(call)) as playback:
        await cue(conversation)
        await conversation.listen(LineSource(call))
        await playback.drain()
        await conversation.commit()
    assert call.happened == [b"\xff" * 160] * 50
    assert len(sent_audio(server)) == 48_000
