"""Frames of many streams are run together, and each stream gets what it would have got alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from duologue.engines.speech.frame_batch import GATHER_S, FrameBatch
from duologue.errors import EngineError
from duologue.testing.virtual_time import run_in_virtual_time


class Network:
    """A memory is the sum of the frames, and a probability half of it."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def run(self, frames: Sequence[Any], memories: Sequence[Any]) -> tuple[list[float], list[Any]]:
        self.rows.append(len(frames))
        after = [frame + memory for frame, memory in zip(frames, memories, strict=True)]
        return [memory / 2 for memory in after], after


class Stream:
    def __init__(self, batch: FrameBatch) -> None:
        self.batch = batch
        self.memory: Any = 0

    def keep(self, memory: Any) -> None:
        self.memory = memory

    def hear(self, *frames: int, at_once: bool = False) -> asyncio.Future[Sequence[float]]:
        return self.batch.add(frames, self.memory, self.keep, at_once=at_once)


def made() -> tuple[Network, FrameBatch]:
    network = Network()
    return network, FrameBatch(network.run, asyncio.get_running_loop())


async def test_the_first_frame_after_a_pause_is_run_at_once() -> None:
    network, batch = made()
    assert Stream(batch).hear(1).done()
    assert not Stream(batch).hear(1).done()
    assert network.rows == [1]


def test_those_that_come_in_the_meantime_are_run_together() -> None:
    async def talk() -> tuple[list[int], list[list[float]], list[Any], float]:
        network, batch = made()
        streams = [Stream(batch) for _ in range(4)]
        began = asyncio.get_running_loop().time()
        pending = [stream.hear(*range(index + 1)) for index, stream in enumerate(streams)]
        found = [list(await each) for each in pending]
        took = asyncio.get_running_loop().time() - began
        return network.rows, found, [stream.memory for stream in streams], took

    rows, found, memories, took = run_in_virtual_time(talk())
    assert rows == [1, 3, 3, 2, 1]  # the first alone; then as many frames of each as it has
    assert found == [[0.0], [0.0, 0.5], [0.0, 0.5, 1.5], [0.0, 0.5, 1.5, 3.0]]
    assert memories == [0, 1, 3, 6]
    assert took == pytest.approx(GATHER_S)


async def test_a_stream_that_is_ahead_takes_the_others_along() -> None:
    network, batch = made()
    Stream(batch).hear(1)
    waiting = Stream(batch).hear(1)
    assert Stream(batch).hear(1, at_once=True).done()
    assert waiting.done()
    assert network.rows == [1, 2]


async def test_many_frames_do_not_wait() -> None:
    network, batch = made()
    Stream(batch).hear(1)
    assert all(each.done() for each in [Stream(batch).hear(1) for _ in range(64)])
    assert network.rows == [1, 64]


async def test_a_stream_that_is_cancelled_has_not_heard() -> None:
    _, batch = made()
    Stream(batch).hear(1)
    gone, stays = Stream(batch), Stream(batch)
    cancelled, waiting = gone.hear(1), stays.hear(1)
    cancelled.cancel()
    await asyncio.wait_for(waiting, 5)
    assert (gone.memory, stays.memory) == (0, 1)


async def test_a_fault_of_the_network_is_told_to_each_stream_and_the_next_run_goes_on() -> None:
    network, batch = made()
    Stream(batch).hear(1)
    pending = [Stream(batch).hear(1), Stream(batch).hear("not a number", at_once=True)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    for each in pending:
        with pytest.raises(EngineError, match="silero: broke: "):
            await each
    assert Stream(batch).hear(1, at_once=True).done()
    assert network.rows == [1, 2, 1]
