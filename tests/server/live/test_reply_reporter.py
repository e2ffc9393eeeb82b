from __future__ import annotations

import asyncio
from typing import cast

from duologue.audio.formats import PCM
from duologue.engines.base import FunctionCall
from duologue.protocol.live.server import LiveReply, LiveServerProtocol
from duologue.server.live.reply_reporter import MAX_AHEAD_MS, ReplyReporter
from duologue.server.telemetry.observer import NullSessionObserver
from tests.server.live._reported import Reported


class Spoken(NullSessionObserver):
    seconds = 0.0

    def spoke(self, audio_s: float) -> None:
        self.seconds += audio_s


def reporting(reported: Reported, observer: Spoken, heard: asyncio.Event) -> ReplyReporter:
    reply = LiveReply(
        reply_id="reply_1",
        messages=(),
        instructions="",
        model="m",
        backend_model=None,
        voice="marin",
        encoding=PCM,
    )

    async def progress() -> None:
        await heard.wait()
        heard.clear()

    protocol = cast("LiveServerProtocol", reported)
    return ReplyReporter(reply, protocol, observer, flush=reported.flush, progress=progress)


async def test_everything_is_reported_in_order_and_sent_at_once() -> None:
    reported, observer = Reported(), Spoken()
    reporter = reporting(reported, observer, asyncio.Event())
    assert await reporter.text("Hello.")
    await reporter.clause("Hello.")
    await reporter.audio(bytes(4_800))
    await reporter.call(FunctionCall(name="delegate", arguments="{}"))
    assert reported.calls == [
        ("reply_text", "reply_1", "Hello."),
        ("flush",),
        ("reply_clause", "reply_1", "Hello."),
        ("reply_audio", "reply_1", bytes(4_800)),
        ("flush",),
        ("reply_call", "reply_1", "delegate", "{}"),
        ("flush",),
    ]
    assert observer.seconds == 0.1


async def test_speech_waits_until_enough_of_it_was_heard() -> None:
    reported, heard = Reported(), asyncio.Event()
    reporter = reporting(reported, Spoken(), heard)
    reported.voice_ahead_ms = MAX_AHEAD_MS + 200
    speaking = asyncio.ensure_future(reporter.audio(bytes(4_800)))
    for ahead_ms in (MAX_AHEAD_MS + 100, MAX_AHEAD_MS):
        for _ in range(5):
            await asyncio.sleep(0)
        assert not speaking.done()
        reported.voice_ahead_ms = ahead_ms
        heard.set()
    await asyncio.wait_for(speaking, 5)
