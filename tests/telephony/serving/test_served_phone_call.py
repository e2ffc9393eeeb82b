"""The session of a call, in the server's process."""

from __future__ import annotations

import asyncio
from typing import Any

from duologue.engines.base import FunctionCall
from duologue.telephony.leg_events import PlayCommand
from tests.telephony._carrier import MemoryCarrier, speech_frames
from tests.telephony.serving._server import SILENCE, called, scripted_app


async def _until_answered(line: MemoryCarrier) -> None:
    await line.say(*speech_frames(500), *SILENCE)
    await line.until(PlayCommand)


async def _over(serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await serving


async def test_a_drained_server_lets_the_caller_hear_the_answer_and_hangs_up(idle_clock: Any) -> None:
    app = scripted_app("Hello, this is an answer of some length.")
    async with app.running(), called(app) as (line, serving):
        await _until_answered(line)
        draining = asyncio.ensure_future(app.drain(within_s=30))
        await line.until_closed()
        await draining
        assert not app.sessions_open
        assert serving.done()


async def test_a_server_that_ends_at_once_ends_calls() -> None:
    app = scripted_app("Hello.")
    async with app.running(), called(app) as (line, serving):
        await _until_answered(line)
        await app.drain(manner="now")
        assert serving.done()
        await line.until_closed()


async def test_the_model_can_hang_up() -> None:
    app = scripted_app(FunctionCall(name="hang_up", arguments="{}"), "Bye.")
    async with app.running(), called(app, hang_up=True) as (line, serving):
        await line.say(*speech_frames(500), *SILENCE)
        await line.until(PlayCommand)
        await line.echo_marks()
        await line.until_closed()
        await _over(serving)
