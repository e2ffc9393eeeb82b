"""A session's limits, its openings, and the ends that are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from duologue import connect
from duologue.engines.base import ResponderRequest
from duologue.errors import ConnectionClosed, ConnectionClosedError
from duologue.server import Limits, ServerSession
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import MemoryTransport, memory_pair
from tests.server._engines import BrokenDetector, EndlessSynthesizer
from tests.server._talking import counts, event, speak, status, until, update
from tests.server.conftest import Talk

pytestmark = pytest.mark.usefixtures("idle_clock")

TEXT = {"output_modalities": ["text"]}


async def end_of(transport: MemoryTransport) -> ConnectionClosed:
    """The close, after all that came before it."""
    while True:
        try:
            await transport.receive()
        except ConnectionClosed as closed:
            return closed


# --- limits


async def test_a_client_that_says_nothing_for_too_long_is_told_and_leaves(talk: Talk) -> None:
    async with talk(limits=Limits(idle_s=0.05)) as connection:
        with pytest.raises(ConnectionClosedError) as caught:
            await until(connection, "never")
    assert caught.value.code == 1001
    assert caught.value.error is not None
    assert caught.value.error.error.code == "session_idle"


async def test_each_message_begins_the_idle_time_anew(talk: Talk) -> None:
    async with talk(limits=Limits(idle_s=0.3)) as connection:
        for _ in range(6):
            await connection.send(event("input_audio_buffer.clear"))
            await until(connection, "input_audio_buffer.cleared")
            with pytest.raises(TimeoutError):
                await connection.receive(timeout=0.1)


async def test_events_above_the_rate_are_refused_and_the_session_goes_on(talk: Talk) -> None:
    async with talk(limits=Limits(events_per_s=0.001)) as connection:
        await connection.send(event("input_audio_buffer.clear"))
        assert counts(await until(connection, "input_audio_buffer.cleared")) == {"input_audio_buffer.cleared": 1}
        for _ in range(3):
            await connection.send(event("input_audio_buffer.clear"))
            [refused] = await until(connection, "error")
            assert refused.to_json()["error"]["code"] == "rate_limit_exceeded"
            assert refused.to_json()["error"]["type"] == "rate_limit_error"


async def test_a_client_that_takes_nothing_is_closed_with_1008_when_its_backlog_is_full() -> None:
    before = asyncio.all_tasks()
    synthesizer = EndlessSynthesizer()
    ours, theirs = memory_pair(capacity=2)
    engines = replace(scripted_engines(), synthesizer=synthesizer)
    limits = Limits(stall_s=0.05, backlog_bytes=10_000)
    async with asyncio.timeout(5):
        await ours.send('{"type":"response.create"}')
        await ServerSession(theirs, engines, limits=limits).run()
        assert synthesizer.spoken_s < 20
        closed = await end_of(ours)
    assert (closed.code, closed.reason) == (1008, "invalid_request_error.client_too_slow")
    assert asyncio.all_tasks() == before


async def test_an_engine_that_hangs_fails_its_response_and_the_next_one_is_answered(talk: Talk) -> None:
    class HangsOnce:
        name = "hangs"
        calls = 0

        async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str, None]:
            self.calls += 1
            yield "Well, "
            if self.calls == 1:
                await asyncio.Event().wait()
            yield "fine."

    engines = replace(scripted_engines(), responder=HangsOnce())
    async with talk(engines, limits=Limits(engine_s=0.05)) as connection:
        await connection.send(event("response.create", response=TEXT))
        response = status(await until(connection, "response.done"))
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["message"] == "hangs: made nothing for 0.05 s"
        await connection.send(event("response.create", response=TEXT))
        assert status(await until(connection, "response.done"))["status"] == "completed"


async def test_a_transcriber_that_returns_garbage_fails_its_transcription_and_the_turn_is_answered(talk: Talk) -> None:
    class Garbage:
        name = "garbage"
        sample_rate_hz = 24_000

        async def transcribe(
            self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
        ) -> AsyncGenerator[Any, None]:
            yield None

    async with talk(replace(scripted_engines(), transcriber=Garbage())) as connection:
        await connection.send(update(audio={"input": {"transcription": {"model": "m"}}}))
        await speak(connection)
        events = await until(connection, "response.done")
        assert counts(events)["conversation.item.input_audio_transcription.failed"] == 1
        assert status(events)["status"] == "completed"


async def test_a_session_without_audio_makes_no_detector(talk: Talk) -> None:
    made: list[object] = []

    def make() -> BrokenDetector:
        made.append(None)
        return BrokenDetector()

    async with talk(replace(scripted_engines(), new_detector=make)) as connection:
        await connection.send(event("response.create", response=TEXT))
        await until(connection, "response.done")
    assert made == []


# --- openings


async def test_a_configured_opening_is_announced_as_if_it_had_always_been_so() -> None:
    update_ = '{"type":"session.update","session":{"type":"realtime","instructions":"Be brief."}}'
    ours, theirs = memory_pair()
    session = ServerSession(theirs, scripted_engines(), session_start=SessionStart(model="m-1", message=update_))
    serving = asyncio.ensure_future(session.run())
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        [created] = await until(connection, "session.created")
        reported = created.to_json()["session"]
        assert (reported["model"], reported["instructions"]) == ("m-1", "Be brief.")
        await connection.send(event("input_audio_buffer.clear"))
        assert counts(await until(connection, "input_audio_buffer.cleared")) == {"input_audio_buffer.cleared": 1}
    await asyncio.wait({serving}, timeout=5)


# --- ends that are wanted


async def test_a_session_that_drains_ends_when_its_last_work_is_done() -> None:
    ours, theirs = memory_pair()
    session = ServerSession(theirs, scripted_engines())
    serving = asyncio.ensure_future(session.run())
    async with asyncio.timeout(5), connect(transport=ours) as connection:
        await connection.send(event("response.create"))
        await until(connection, "response.created")
        session.drain()
        assert status(await until(connection, "response.done"))["status"] == "completed"
        async for _ in connection:
            pass
        await serving


async def test_a_session_that_is_stopped_before_it_ran_says_goodbye_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    ours, theirs = memory_pair()
    session = ServerSession(theirs, scripted_engines())
    session.stop()
    async with asyncio.timeout(5):
        await session.run()
        assert (await end_of(ours)).code == 1001
    assert asyncio.all_tasks() == before
