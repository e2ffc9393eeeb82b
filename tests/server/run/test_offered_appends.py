"""Appends that pass the socket without a task have the effects of those that pass it with one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from duologue.codec import encode
from duologue.engines.scripted import ScriptedDetector
from duologue.events import (
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
)
from duologue.server import RealtimeApp
from duologue.testing import scripted_engines
from duologue.testing.virtual_time import run_in_virtual_time
from duologue.transports.asgi import ADMISSION, OFFER
from tests.server._scopes import scope as scope_of

LOUD, QUIET = b"\x00\x40" * 480, bytes(960)


def said(seed: int) -> list[RealtimeEvent]:
    """Turns in appends of many sizes, with other events between them."""
    chance = random.Random(seed)
    events: list[RealtimeEvent] = []
    for _ in range(4):
        for sound, pieces in ((LOUD, 20), (QUIET, 40)):
            for _ in range(pieces):
                audio = sound * chance.choice((1, 1, 1, 2, 5))
                cut = chance.choice((len(audio), len(audio), 500))
                events += [InputAudioBufferAppendEvent.from_audio(part) for part in (audio[:cut], audio[cut:]) if part]
                if chance.random() < 0.03:
                    events.append(chance.choice((InputAudioBufferCommitEvent(), InputAudioBufferClearEvent())))
                if chance.random() < 0.03:
                    events.append(InputAudioBufferAppendEvent(audio="?"))
    return events


class Late(ScriptedDetector):
    """Has its results after 25 ms, in which several appends come."""

    def begin_detecting(self, pcm16: bytes, /) -> Any:
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_later(0.025, later.set_result, super().begin_detecting(pcm16))
        return later

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        found: Sequence[float] = await self.begin_detecting(pcm16)
        return found


async def heard(events: list[RealtimeEvent], *, at_once: bool, late: bool = False) -> tuple[list[str], int]:
    """The events that the server sends, and how many of the client's were taken at once."""
    numbers = count()
    engines = scripted_engines()
    if late:
        engines = replace(engines, new_detector=lambda: Late(sample_rate_hz=24_000))
    app = RealtimeApp(engines=lambda: nullcontext(engines), new_id=lambda kind: f"{kind}_{next(numbers)}")
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: list[str] = []
    offered: list[Callable[[bytes], bool]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.send":
            sent.append(message["text"])
        elif message["type"] == OFFER:
            offered.append(message["take"])
            if at_once:
                message["write"] = write

    def write(*texts: bytes) -> bool:
        sent.extend(text.decode() for text in texts)
        return True

    incoming.put_nowait({"type": "websocket.connect"})
    taken = 0
    async with app.running():
        scope = scope_of(extensions={ADMISSION: {}})
        serving = asyncio.ensure_future(app(scope, incoming.get, send))
        await asyncio.sleep(0.01)
        for event in events:
            text = encode(event).decode()
            if at_once and offered[0](text.encode()):
                taken += 1
            else:
                incoming.put_nowait({"type": "websocket.receive", "text": text})
            await asyncio.sleep(0.01)
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(serving, 5)
    return sent, taken


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_both_ways_have_the_same_effects(seed: int, late: bool) -> None:
    events = said(seed)
    ordinary, _ = run_in_virtual_time(heard(events, at_once=False, late=late))
    at_once, taken = run_in_virtual_time(heard(events, at_once=True, late=late))
    assert at_once == ordinary
    assert late or taken > len(events) * 3 // 4
    assert sum("speech_started" in text for text in ordinary) >= 3
