"""An hour of a Live session in compressed time: it holds its words, and nothing else grows."""

from __future__ import annotations

import asyncio
import base64
import gc
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from duologue.client.live.connection import LiveConnection
from duologue.client.live.opening import LiveTarget
from duologue.client.live.session import Live, entered
from duologue.errors import ConnectionClosed
from duologue.events.live import LiveSessionConfig
from duologue.notices import LiveAudioPiece, LiveUsage, UtteranceEnded
from duologue.transports import Transport, memory_pair
from tests.client.live._talking import says, session, sound

PIECE_MS = 1000
AN_HOUR_MS = 3_600_000
WARM_UP_MS = 300_000
SPEECH = base64.b64encode(bytes(48 * PIECE_MS)).decode()

MAX_BYTES_AN_UTTERANCE = 2048
"""Of memory: a sentence, and the struct around it; its speech has some hundred thousand."""

MAX_UNREAD = 64
"""Notices that wait for a reader that keeps up, events of a few pieces."""


class Clock:
    """Time as the test passes it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def serve(transport: Transport) -> None:
    """A server that answers each piece of input with a piece of sound, and tells words, usage and answers."""

    async def send(*frames: dict[str, Any]) -> None:
        for frame in frames:
            await transport.send(msgspec.json.encode({"event_id": "e", **frame}).decode())

    at_ms = 0
    try:
        while True:
            event = msgspec.json.decode(await transport.receive())
            match event["type"]:
                case "session.start":
                    await send({"type": "session.started", "session": session()})
                case "session.close":
                    await send({"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 3600}})
                case "session.thinking.append":
                    answered = {"client_event_id": event["event_id"], "start_ms": at_ms, "end_ms": at_ms}
                    await send({"type": "session.thinking.appended", **answered})
                case _:
                    at_ms += PIECE_MS
                    await send(sound(SPEECH))
                    if at_ms % 6000 < 2000:
                        await send(says("user", " words", at_ms - PIECE_MS, at_ms))
                    elif 2400 < at_ms % 6000 < 5000:
                        await send(says("assistant", " answer", at_ms - PIECE_MS, at_ms))
                    if at_ms % 15_000 == 0:
                        usage = {"seconds": at_ms / 1000}
                        await send({"type": "session.usage.updated", "usage": usage})
    except ConnectionClosed:
        pass


@asynccontextmanager
async def served(target: LiveTarget) -> AsyncGenerator[LiveConnection, None]:
    """A connection in memory to that server."""
    near, far = memory_pair()
    serving = asyncio.create_task(serve(far))
    try:
        yield LiveConnection(near)
    finally:
        await near.close()
        await serving


async def test_an_hour_leaves_no_sound_in_memory_and_no_queue_grows() -> None:
    clock = Clock()
    live = Live(served, LiveTarget(), tool_timeout=1.0, clock=clock)
    n_bytes = n_utterances = 0
    held: list[int] = []
    async with (
        entered(live, LiveSessionConfig(model="m")),
        live.stream(LiveAudioPiece, UtteranceEnded, LiveUsage) as notices,
    ):
        for at_ms in range(0, AN_HOUR_MS, PIECE_MS):
            clock.now = at_ms / 1000
            await live.send_audio(bytes(48 * PIECE_MS))
            if at_ms % 60_000 == 0:
                await live.answered(await live.append_thinking("Still here."), timeout=5)
            heard = False
            while not heard:
                notice = await notices.receive()
                heard = isinstance(notice, LiveAudioPiece)
                n_bytes += len(notice.audio) if isinstance(notice, LiveAudioPiece) else 0
                n_utterances += isinstance(notice, UtteranceEnded)
            assert len(notices._unread) <= MAX_UNREAD
            assert live.core.n_unsent <= MAX_UNREAD
            if at_ms == WARM_UP_MS:
                gc.collect()
                tracemalloc.start()
            if at_ms in (WARM_UP_MS, AN_HOUR_MS - PIECE_MS):
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert n_bytes == 48 * AN_HOUR_MS
    assert live.core.usage is not None
    assert live.core.usage.seconds == 3600
    assert len(live.transcript()) >= n_utterances > 1000
    assert held[1] - held[0] < MAX_BYTES_AN_UTTERANCE * n_utterances
    assert peak < 16 * 1024 * 1024
    assert live.outcome is not None
    assert live.outcome.finalised
