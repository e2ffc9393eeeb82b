"""A task that closes an engine's stream goes on at once, while a thread is still computing a piece."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import numpy as np
import pytest

from duologue.engines.base import Synthesizer, Transcriber
from duologue.engines.worker import Worker

_BEFORE_THE_GATE_S = 5
"""A task that goes on by then did not wait for the thread: the gate stays closed until the test has seen it."""


class Gate:
    """Holds a thread inside a computation until it is opened."""

    def __init__(self, result: Any = "") -> None:
        self._result = result
        self.entered = threading.Event()
        self._opened = threading.Event()
        self.left = threading.Event()

    def hold(self, *_: Any) -> Any:
        self.entered.set()
        assert self._opened.wait(10), "the test did not open the gate"
        self.left.set()
        return self._result

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 10)

    async def open(self) -> None:
        self._opened.set()
        assert await asyncio.to_thread(self.left.wait, 10)


async def _cancelled_at_once(gate: Gate, start: Callable[[], AsyncIterator[Any]]) -> None:
    """Cancel a listener while the thread is held; nothing of its stream may be waited for."""

    async def listen() -> None:
        async for _ in start():
            raise AssertionError("a piece came through a closed gate")

    listening = asyncio.ensure_future(listen())
    try:
        await gate.reached()
        listening.cancel()
        done, _ = await asyncio.wait({listening}, timeout=_BEFORE_THE_GATE_S)
        assert done, f"the listener was held for more than {_BEFORE_THE_GATE_S} s"
        assert not gate.left.is_set()
    finally:
        await gate.open()


async def test_a_worker_s_stream_lets_go_in_the_middle_of_a_piece_and_closes_the_generator_later() -> None:
    gate, closed = Gate(), threading.Event()

    def pieces() -> Generator[int, None, None]:
        try:
            gate.hold()
            yield 1
        finally:
            closed.set()

    async with Worker(threads=1) as worker:
        await _cancelled_at_once(gate, lambda: worker.stream(pieces))
        assert await asyncio.to_thread(closed.wait, 5)


async def test_a_stream_that_is_closed_between_pieces_computes_no_other_and_closes_its_generator() -> None:
    made: list[int] = []
    closed = threading.Event()

    def pieces() -> Generator[int, None, None]:
        try:
            for number in range(5):
                made.append(number)
                yield number
        finally:
            closed.set()

    async with Worker(threads=1) as worker:
        stream = worker.stream(pieces)
        assert await anext(stream) == 0
        async with asyncio.timeout(_BEFORE_THE_GATE_S):
            await stream.aclose()
        assert closed.is_set()
    assert made == [0]


async def test_a_stream_that_waits_for_a_thread_lets_go_and_never_begins() -> None:
    gate, begun = Gate(), threading.Event()

    def pieces() -> Generator[int, None, None]:
        begun.set()
        yield 1

    async def listen(worker: Worker) -> None:
        async for _ in worker.stream(pieces):
            pass

    async with Worker(threads=1) as worker:
        busy = asyncio.ensure_future(worker.run(gate.hold))
        await gate.reached()
        waiting = asyncio.ensure_future(listen(worker))
        await asyncio.sleep(0)
        waiting.cancel()
        done, _ = await asyncio.wait({waiting}, timeout=_BEFORE_THE_GATE_S)
        await gate.open()
        await busy
        await worker.run(int)
    assert done
    assert not begun.is_set()


async def test_the_transcriber_lets_go_in_the_middle_of_an_utterance(
    transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(transcriber, "_text", gate.hold)
    await _cancelled_at_once(gate, lambda: transcriber.transcribe(bytes(32_000)))


async def test_the_voice_lets_go_in_the_middle_of_a_sentence(
    synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(np.zeros(1, np.float32))
    monkeypatch.setattr(synthesizer, "_samples", gate.hold)
    await _cancelled_at_once(gate, lambda: synthesizer.synthesize("A sentence.", voice="heart"))
