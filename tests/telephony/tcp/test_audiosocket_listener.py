"""Calls over AudioSocket: who may call, how many, and for how long."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import AsyncExitStack
from typing import Any

import pytest

import duologue
from duologue.audio.formats import PCMU
from duologue.server import RealtimeApp
from duologue.telephony import (
    CallerAudio,
    PhoneCall,
    serve_audiosocket,
)
from duologue.telephony.codecs.leg_events import CallEnded, CallStarted, HangUpCommand, PlayCommand
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from tests.telephony._carrier import speech_frames
from tests.telephony.tcp._asterisk_end import CALL_ID, STARTED, AsteriskEnd, calling


class _Waiting:
    """An answer that waits."""

    def __init__(self) -> None:
        self.begun, self.over = asyncio.Event(), asyncio.Event()

    async def __call__(self, call: PhoneCall) -> None:
        self.begun.set()
        await self.over.wait()


async def test_a_caller_is_answered_hears_silence_before_and_the_end_is_told() -> None:
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=["Hi."]))))
    ended: list[CallEnded] = []

    async def answer(call: PhoneCall) -> None:
        async with duologue.converse(open_connection=memory.connect, tools=[call.hang_up]) as conversation:
            ended.append(await call.join(conversation))

    async with serve_audiosocket(answer, port=0) as listener, calling(listener) as asterisk:
        await asterisk.tell(STARTED)
        await asterisk.until(PlayCommand)
        for frame in (*speech_frames(500), *[b"\xff" * 160] * 40):
            await asterisk.tell(CallerAudio(audio=PCMU.to_pcm16(frame)))
        await asterisk.until(PlayCommand, loud=True)
        await asterisk.tell(CallEnded())
        await asterisk.until(HangUpCommand)
        assert await asyncio.wait_for(asterisk.command(), 5) is None
    assert [each.reason for each in ended] == ["hung up"]
    assert listener.n_calls == 0


async def test_an_id_that_may_not_call_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    answered: list[str] = []

    async def answer(call: PhoneCall) -> None:
        answered.append(call.started.call_id)

    async with serve_audiosocket(answer, port=0, may_call={CALL_ID}.__contains__) as listener:
        for call_id in (str(uuid.UUID(int=8)), CALL_ID):
            async with calling(listener) as asterisk:
                await asterisk.tell(CallStarted(call_id=call_id, encoding=STARTED.encoding))
                await asterisk.until(HangUpCommand)
                assert await asterisk.command() is None
    assert answered == [CALL_ID]
    assert str(uuid.UUID(int=8)) not in caplog.text  # ids are what callers are known by


async def test_what_tells_no_id_is_closed_after_five_seconds(idle_clock: Any) -> None:
    async with serve_audiosocket(_Waiting(), port=0) as listener, calling(listener) as asterisk:
        await asterisk.tell(CallerAudio(audio=bytes(320)))
        await asterisk.until(HangUpCommand, within_s=60)
        assert await asterisk.command() is None


async def test_one_call_too_many_is_hung_up() -> None:
    waiting = _Waiting()
    async with serve_audiosocket(waiting, port=0, max_calls=1, drain_s=0) as listener, calling(listener) as one:
        await one.tell(STARTED)
        await asyncio.wait_for(waiting.begun.wait(), 5)
        async with calling(listener) as other:
            await other.tell(STARTED)
            await other.until(HangUpCommand)
            assert await other.command() is None
        assert listener.n_calls == 1


async def test_connections_that_tell_no_id_keep_no_call_out() -> None:
    waiting = _Waiting()
    async with serve_audiosocket(waiting, port=0, max_calls=1, drain_s=0) as listener, AsyncExitStack() as held:
        strangers = [await held.enter_async_context(calling(listener)) for _ in range(101)]
        await strangers[0].until(HangUpCommand)  # which has waited longest
        async with calling(listener) as asterisk:
            await asterisk.tell(STARTED)
            await asyncio.wait_for(waiting.begun.wait(), 5)
            assert listener.n_calls == 1


async def test_at_the_end_calls_may_go_on_for_a_while(idle_clock: Any) -> None:
    waiting = _Waiting()
    async with serve_audiosocket(waiting, port=0, drain_s=30) as listener:
        reader, writer = await asyncio.open_connection(*listener.address)
        asterisk = AsteriskEnd(reader, writer)
        await asterisk.tell(STARTED)
        await waiting.begun.wait()
        asyncio.get_running_loop().call_later(5, waiting.over.set)
    assert waiting.over.is_set()
    await asterisk.until(HangUpCommand)
    writer.close()


async def test_a_call_that_does_not_end_is_cut(idle_clock: Any) -> None:
    waiting = _Waiting()
    async with serve_audiosocket(waiting, port=0, drain_s=1) as listener:
        reader, writer = await asyncio.open_connection(*listener.address)
        asterisk = AsteriskEnd(reader, writer)
        await asterisk.tell(STARTED)
        await waiting.begun.wait()
    await asterisk.until(HangUpCommand)
    writer.close()


async def test_an_answer_that_fails_ends_its_call_only(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(call: PhoneCall) -> None:
        raise RuntimeError("the application's own")

    async with serve_audiosocket(answer, port=0) as listener:
        for _ in range(2):
            async with calling(listener) as asterisk:
                await asterisk.tell(STARTED)
                await asterisk.until(HangUpCommand)
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR] * 2


async def test_a_rate_that_the_protocol_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="8000"):
        async with serve_audiosocket(_Waiting(), port=0, rate_hz=11_025):
            pass
