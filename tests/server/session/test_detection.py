"""Audio is detected in order, with a task and without one, and what breaks is told to the client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import pytest

from duologue.audio.formats import PCM
from duologue.engines.registry import Engines
from duologue.engines.scripted import ScriptedDetector
from duologue.protocol import Detect
from duologue.server.session.detection import Detection, raised
from duologue.testing import scripted_engines

FRAME = bytes(960)
"""20 ms at 24 kHz."""


class Protocol:
    def __init__(self) -> None:
        self.told: list[object] = []

    def detected(self, probabilities: Sequence[float], frame_ms: float, *, now: float) -> None:
        self.told.append(list(probabilities))

    def detection_failed(self, fault: str) -> None:
        self.told.append(fault)


class Slow(ScriptedDetector):
    """Its results come when the test says so."""

    def __init__(self) -> None:
        super().__init__(sample_rate_hz=24_000)
        self.pending: list[asyncio.Future[Sequence[float]]] = []

    def begin_detecting(self, pcm16: bytes, /) -> Any:
        self.pending.append(asyncio.get_running_loop().create_future())
        return self.pending[-1]


class Broken(ScriptedDetector):
    def begin_detecting(self, pcm16: bytes, /) -> Any:
        raise RuntimeError("secret")


class NoShortWay:
    """A detector that has `detect` alone."""

    sample_rate_hz = 24_000
    frame_ms = 20

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        await asyncio.sleep(0)
        return [0.25] * (len(pcm16) // 960)


class Hearing:
    def __init__(self, detector: Any) -> None:
        self.protocol = Protocol()
        self.carried_out = 0
        self.tasks: list[asyncio.Task[None]] = []
        engines: Engines = replace(scripted_engines(), new_detector=lambda: detector)
        self.detection = Detection(
            engines,
            self.protocol,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            session_id="sess_1",
            carry_out=self.carry_out,
            start=self.start,
        )

    def carry_out(self) -> None:
        self.carried_out += 1

    def start(self, work: Any) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def first(self) -> None:
        """The detector is made with the first piece, in a task."""
        self.detection.put(Detect(FRAME, PCM))
        await self.detection.run()

    def hear(self, audio: bytes = FRAME) -> None:
        self.detection.put(Detect(audio, PCM))
        self.detection.begin(copy_context())


async def test_without_a_detector_nothing_is_taken() -> None:
    hearing = Hearing(ScriptedDetector(sample_rate_hz=24_000))
    before = hearing.detection.takes_more
    await hearing.first()
    assert (before, hearing.detection.takes_more) == (False, True)
    assert hearing.protocol.told == [[0.0]]


async def test_a_detector_that_is_done_at_once_needs_no_task() -> None:
    hearing = Hearing(ScriptedDetector(sample_rate_hz=24_000))
    await hearing.first()
    hearing.hear()
    hearing.hear(FRAME[:100])
    hearing.hear(2 * FRAME)
    assert hearing.protocol.told == [[0.0], [0.0], [0.0, 0.0]]
    assert hearing.detection.idle
    assert not hearing.tasks


async def test_what_comes_while_a_result_is_awaited_is_detected_behind_it() -> None:
    detector = Slow()
    hearing = Hearing(detector)
    await hearing.first()
    for _ in range(3):
        hearing.hear()
    assert len(detector.pending) == 1
    assert not hearing.detection.idle
    ended = asyncio.ensure_future(hearing.detection.ended())
    for at in range(3):
        detector.pending[at].set_result([at / 4])
        await asyncio.sleep(0)
    await asyncio.wait_for(ended, 5)
    assert hearing.protocol.told == [[0.0], [0.0], [0.25], [0.5]]


async def test_more_than_a_few_waiting_pieces_are_not_taken() -> None:
    hearing = Hearing(Slow())
    await hearing.first()
    taken = 0
    while hearing.detection.takes_more and taken < 100:
        hearing.hear()
        taken += 1
    assert taken == 17
    hearing.detection.close()


async def test_a_detector_without_the_short_way_gets_a_task() -> None:
    hearing = Hearing(NoShortWay())
    await hearing.first()
    hearing.hear()
    hearing.hear()
    await asyncio.wait_for(hearing.detection.ended(), 5)
    assert hearing.protocol.told == [[0.25]] * 3


async def test_a_detector_that_breaks_is_reported_without_its_words() -> None:
    hearing = Hearing(Broken(sample_rate_hz=24_000))
    await hearing.first()
    hearing.hear()
    detector = Slow()
    later = Hearing(detector)
    await later.first()
    later.hear()
    detector.pending[0].set_exception(RuntimeError("secret"))
    await asyncio.wait_for(later.detection.ended(), 5)
    for told in (hearing.protocol.told[1], later.protocol.told[1]):
        assert "speech engine broke" in str(told)
        assert "secret" not in str(told)


async def test_after_the_end_nothing_is_reported() -> None:
    detector = Slow()
    hearing = Hearing(detector)
    await hearing.first()
    hearing.hear()
    hearing.detection.close()
    await asyncio.sleep(0)
    assert detector.pending[0].cancelled()
    assert hearing.protocol.told == [[0.0]]


@pytest.mark.parametrize("turns", range(6))
async def test_while_the_session_ends_nothing_is_carried_out(turns: int) -> None:
    """The session's task group takes no more tasks once the last one of it is over, which may be the detector's."""
    hearing = Hearing(NoShortWay())
    await hearing.first()
    hearing.hear()
    hearing.hear()
    for _ in range(turns):
        await asyncio.sleep(0)
    before = (hearing.carried_out, len(hearing.tasks))
    hearing.detection.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (hearing.carried_out, len(hearing.tasks)) == before
    assert hearing.detection.idle
    hearing.detection.close()


async def test_a_fault_is_raised_in_a_task() -> None:
    with pytest.raises(ZeroDivisionError):
        await raised(ZeroDivisionError())


async def test_any_cut_of_the_audio_gives_the_same_frames() -> None:
    chance = random.Random(1)
    audio = b"".join(bytes(960) if chance.random() < 0.5 else b"\x00\x40" * 480 for _ in range(60))
    whole = Hearing(ScriptedDetector(sample_rate_hz=24_000))
    whole.detection.put(Detect(audio, PCM))
    await whole.detection.run()
    cut = Hearing(ScriptedDetector(sample_rate_hz=24_000))
    await cut.first()
    cut.protocol.told.clear()
    at = 0
    while at < len(audio):
        size = chance.choice((2, 100, 960, 1_920, 4_800))
        cut.hear(audio[at : at + size])
        at += size
    expected = whole.protocol.told[0]
    assert isinstance(expected, list)
    found = [p for told in cut.protocol.told if isinstance(told, list) for p in told]
    assert found == expected
