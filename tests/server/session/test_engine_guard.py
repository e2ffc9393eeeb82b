"""Engines that crash, hang, and return garbage: each fails its own work, as an EngineError."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.errors import EngineError
from duologue.server.session.engine_guard import guarded
from duologue.server.telemetry.observer import UNOBSERVED
from duologue.testing import scripted_engines
from tests.server._engines import Odd

EXCHANGE = ResponderRequest(
    messages=(), instructions="", max_output_tokens=None, now=datetime(2026, 1, 1, tzinfo=UTC), session_id="s",
    model="m", voice="v", turn=0, session_age_s=0.0,
)  # fmt: skip


def streams(odd: Odd, *, piece_s: float = 60) -> dict[str, AsyncIterator[Any]]:
    """Its streams, behind the guard."""
    engines = replace(scripted_engines(), responder=odd, transcriber=odd, synthesizer=odd)
    safe = guarded(engines, UNOBSERVED, piece_s=piece_s)
    return {
        "respond": safe.responder.respond(EXCHANGE),
        "transcribe": safe.transcriber.transcribe(b""),
        "synthesize": safe.synthesizer.synthesize("a", voice="one"),
    }


async def drained(pieces: AsyncIterator[Any]) -> list[Any]:
    return [piece async for piece in pieces]


CALL = FunctionCall(name="f", arguments="{}")
GARBAGE = [
    ("respond", None, "something of the type NoneType"),
    ("respond", b"text", "4 bytes"),
    ("respond", 7, "something of the type int"),
    ("transcribe", CALL, "something of the type FunctionCall"),
    ("transcribe", ["a"], "something of the type list"),
    ("synthesize", "text", "something of the type str"),
    ("synthesize", b"odd", "3 bytes, half a sample too many"),
]


@pytest.mark.parametrize(("stage", "piece", "named"), GARBAGE, ids=[str(number) for number in range(len(GARBAGE))])
async def test_a_piece_that_is_none_is_the_engine_s_failure_and_stops_it(stage: str, piece: Any, named: str) -> None:
    odd = Odd(piece)
    with pytest.raises(EngineError, match=f"^odd: made {named}"):
        await drained(streams(odd)[stage])
    assert odd.closed


async def test_right_pieces_pass_as_they_are() -> None:
    assert await drained(streams(Odd("a", "", CALL))["respond"]) == ["a", "", CALL]
    assert await drained(streams(Odd("a"))["transcribe"]) == ["a"]
    assert await drained(streams(Odd(b"aa", b"", bytearray(2)))["synthesize"]) == [b"aa", b"", bytearray(2)]


@pytest.mark.parametrize("stage", ["respond", "transcribe", "synthesize"])
async def test_an_engine_that_hangs_is_given_up_and_stopped(stage: str) -> None:
    right = b"aa" if stage == "synthesize" else "a"
    odd = Odd(right, ...)
    async with asyncio.timeout(5):
        with pytest.raises(EngineError, match=r"^odd: made nothing for 0.01 s"):
            await drained(streams(odd, piece_s=0.01)[stage])
    assert odd.closed


async def test_an_engine_that_is_slow_but_steady_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, passed_s = asyncio.get_running_loop(), 0.0
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + passed_s)

    class Steady(Odd):
        async def _make(self, pieces: tuple[Any, ...]) -> AsyncGenerator[Any, None]:
            nonlocal passed_s
            for _ in range(20):
                passed_s += 30
                await asyncio.sleep(0)
                yield "a"

    assert len(await drained(streams(Steady(), piece_s=60)["respond"])) == 20


async def test_an_engine_s_own_timeout_is_its_own() -> None:
    with pytest.raises(TimeoutError, match="mine"):
        await drained(streams(Odd(lambda: TimeoutError("mine")))["respond"])


async def test_work_that_an_engine_cancels_by_itself_fails_and_does_not_just_end() -> None:
    with pytest.raises(EngineError, match=r"^odd: cancelled itself"):
        await drained(streams(Odd(asyncio.CancelledError))["respond"])


async def test_work_that_is_cancelled_from_outside_is_cancelled() -> None:
    odd = Odd("a", ...)
    task = asyncio.ensure_future(drained(streams(odd)["respond"]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
    assert odd.closed


async def test_a_stream_that_is_left_early_stops_its_engine() -> None:
    odd = Odd("a", "b")
    pieces = streams(odd)["respond"]
    assert isinstance(pieces, AsyncGenerator)
    async with aclosing(pieces):
        assert await anext(pieces) == "a"
    assert odd.closed


@pytest.mark.parametrize("found", [math.nan, 1.5, -0.1, math.inf])
async def test_a_detector_s_numbers_must_be_probabilities(found: float) -> None:
    safe = guarded(replace(scripted_engines(), new_detector=lambda: Odd(0.5, found)), UNOBSERVED, piece_s=60)
    with pytest.raises(EngineError, match=r"^odd: made something else than probabilities"):
        await safe.new_detector().detect(b"")


async def test_a_detector_that_hangs_is_given_up() -> None:
    safe = guarded(replace(scripted_engines(), new_detector=lambda: Odd(...)), UNOBSERVED, piece_s=0.01)
    async with asyncio.timeout(5):
        with pytest.raises(EngineError, match="made nothing"):
            await safe.new_detector().detect(b"")


def test_what_the_guard_does_not_know_of_an_engine_is_the_engine_s() -> None:
    odd = Odd()
    engines = replace(scripted_engines(), responder=odd, synthesizer=odd, new_detector=lambda: odd)
    safe = guarded(engines, UNOBSERVED, piece_s=1)
    assert (safe.synthesizer.voices, safe.synthesizer.sample_rate_hz) == (("one",), 24_000)
    assert safe.responder.specialty == "being odd"  # type: ignore[attr-defined]
    assert safe.new_detector().frame_ms == 20
    with pytest.raises(AttributeError):
        _ = safe.responder.nothing  # type: ignore[attr-defined]
