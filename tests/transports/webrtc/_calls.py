"""Two connected peers on the stacks that a test names, and sounds that can be told apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import numpy as np

from duologue.clock import loop_time
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import FRAME_BYTES, RATE_HZ, Peer, PeerSettings, Stack
from duologue.transports.webrtc.stacks import load_stack

__all__ = ["PAIRS", "WITHIN_S", "Call", "call_over", "loudest_hz", "new_stacks", "play", "tone"]

PAIRS: Final = ("memory", "wrtc", "aiortc", "wrtc to aiortc", "aiortc to wrtc")
"""Which stack offers, and which answers."""

WITHIN_S: Final = 5

_SETTINGS: Final = PeerSettings()


class Call(NamedTuple):
    offerer: Peer
    answerer: Peer

    def ends(self) -> tuple[tuple[Peer, Peer], ...]:
        return (self.offerer, self.answerer), (self.answerer, self.offerer)


def new_stacks(pair: str) -> tuple[Stack, Stack]:
    if pair == "memory":
        stack = MemoryStack()
        return stack, stack
    names = pair.split(" to ")
    return load_stack(names[0]), load_stack(names[-1])


@asynccontextmanager
async def call_over(pair: str, settings: PeerSettings = _SETTINGS) -> AsyncGenerator[Call]:
    """A call whose two ends have each sent and received a message."""
    offering, answering = new_stacks(pair)
    call = Call(offering.new_peer(settings), answering.new_peer(settings))
    try:
        async with asyncio.timeout(WITHIN_S):
            await call.offerer.connect(await call.answerer.answer(await call.offerer.offer()))
            for sender, receiver in call.ends():
                await sender.send("here")
                assert await receiver.receive() == "here"
        yield call
    finally:
        await asyncio.gather(*(peer.close() for peer in call))


def tone(hz: int, *, frames: int) -> list[bytes]:
    samples = 8000 * np.sin(2 * np.pi * hz / RATE_HZ * np.arange(frames * FRAME_BYTES // 2))
    pcm16 = samples.astype("<i2").tobytes()
    return [pcm16[at : at + FRAME_BYTES] for at in range(0, len(pcm16), FRAME_BYTES)]


async def play(peer: Peer, frames: list[bytes]) -> None:
    """At the speed of sound."""
    begun_s = loop_time()
    for number, frame in enumerate(frames):
        await asyncio.sleep(begun_s + number * 0.02 - loop_time())
        peer.play(frame)


def loudest_hz(pcm16: bytes) -> float:
    samples = np.frombuffer(pcm16, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * RATE_HZ / len(samples)
