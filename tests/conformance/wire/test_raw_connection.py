"""A raw connection: which events waiting passes over, and what silence, errors and a close raise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from duologue.conformance.outcomes import Undecided, Violation
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.transports import memory_pair
from duologue.transports.memory import MemoryTransport

pytestmark = pytest.mark.usefixtures("idle_clock")


@asynccontextmanager
async def _connection(timeout_s: float = 1) -> AsyncGenerator[tuple[RawConnection, MemoryTransport], None]:
    ours, theirs = memory_pair()
    async with RawConnection.over(ours, "by hand", timeout_s=timeout_s) as connection:
        yield connection, theirs


async def _say(server: MemoryTransport, type: str, **fields: Any) -> None:
    await server.send(msgspec.json.encode({"type": type, **fields}).decode())


async def test_waiting_goes_on_behind_what_it_has_found() -> None:
    async with _connection() as (connection, server):
        for number in (1, 2):
            await _say(server, "news", number=number)
            await _say(server, "noise")
        assert [(await connection.until("news")).get("number") for _ in range(2)] == [1, 2]


async def test_a_send_passes_over_what_came_before_it() -> None:
    async with _connection() as (connection, server):
        await _say(server, "news", number=1)
        await connection.until("news")
        await _say(server, "news", number=2)
        await connection.quiet(0.01)
        await connection.send({"type": "question"})
        await _say(server, "news", number=3)
        assert (await connection.until("news")).get("number") == 3
        connection.rewind(0)
        assert (await connection.until("news")).get("number") == 1


async def test_only_what_is_about_the_ids_that_are_named_is_waited_for() -> None:
    async with _connection() as (connection, server):
        await _say(server, "response.done", response={"id": "resp_1"})
        await _say(server, "response.done", response={"id": "resp_2"})
        assert (await connection.until("response.done", about=["resp_2"])).get("response.id") == "resp_2"


async def test_silence_is_a_violation_that_names_what_was_waited_for_and_what_came_last() -> None:
    async with _connection(timeout_s=0.01) as (connection, server):
        await _say(server, "noise")
        with pytest.raises(Violation, match=r"^no news or answer within 0.01 s; the last event was noise$"):
            await connection.until("news", "answer")


async def test_an_error_is_a_violation_unless_it_is_waited_for() -> None:
    async with _connection() as (connection, server):
        for _ in range(2):
            await _say(server, "error", error={"code": "invalid_value", "param": "type"})
        with pytest.raises(Violation, match=r"^news was expected, and error \(code invalid_value, param type\) came$"):
            await connection.until("news")
        assert (await connection.until("error")).get("error.param") == "type"


async def test_what_came_before_a_close_is_found_and_then_the_close_is_a_violation() -> None:
    async with _connection() as (connection, server):
        await _say(server, "news")
        await server.close(4000, "that was it")
        await connection.until("news")
        with pytest.raises(Violation, match="the server closed with 4000"):
            await connection.until("news")
        with pytest.raises(Violation, match="the server closed with 4000"):
            await connection.send({"type": "question"})


async def test_every_command_has_an_id_of_its_own_and_what_is_no_event_has_none() -> None:
    async with _connection() as (connection, _):
        ids = [await connection.send({"type": "question"}) for _ in range(2)]
        assert len(set(ids)) == 2
        assert connection.last_id == ids[-1]
        await connection.send_raw("no JSON")
        assert connection.last_id is None


async def test_leaving_waits_for_responses_and_items_that_have_begun() -> None:
    async with _connection(timeout_s=0.5) as (connection, server):
        await _say(server, "response.created", response={"id": "resp_1"})
        await connection.until("response.created")
        await _say(server, "response.done", response={"id": "resp_1"})
    assert [each.type for each in connection.trace.received()] == ["response.created", "response.done"]


async def test_binary_messages_and_other_text_are_written_down_with_their_problem() -> None:
    async with _connection() as (connection, server):
        for message in (b"\x00", "[]", "news"):
            await server.send(message)
        problems = [each.problem for each in await connection.quiet(0.01)]
    assert problems[:2] == ["a binary message", "it is an array"]
    assert problems[2]


async def test_looking_for_what_did_not_come_decides_nothing() -> None:
    async with _connection() as (connection, _):
        with pytest.raises(Undecided, match="no news came"):
            connection.first("news")


async def test_what_is_fed_is_in_the_trace_and_waiting_goes_on_where_it_was() -> None:
    async with _connection() as (connection, server):
        await _say(server, "news")
        await connection.quiet(0.01)
        connection.rewind(0)
        await connection.feed({"type": "sound"})
        assert (await connection.until("news")).type == "news"
        assert [each.event for each in connection.trace.sent()] == [{"type": "sound"}]


async def test_events_that_come_all_the_time_do_not_extend_the_wait_for_another() -> None:
    async with _connection(timeout_s=0.3) as (connection, server):

        async def sound() -> None:
            for _ in range(20):
                await asyncio.sleep(0.1)
                await _say(server, "session.output_audio.delta")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sound())
            with pytest.raises(Violation, match=r"no session.updated within 0.3 s"):
                await connection.until("session.updated")
            assert connection.now_s < 1
            assert (await connection.until("session.output_audio.delta")).type == "session.output_audio.delta"


async def test_for_a_while_everything_is_collected() -> None:
    async with _connection() as (connection, server):
        await _say(server, "one")
        await _say(server, "two")
        assert [each.type for each in await connection.during(0.1)] == ["one", "two"]
        assert await connection.during(0.1) == []


async def test_the_close_is_waited_for_and_is_missed_when_it_does_not_come() -> None:
    async with _connection(timeout_s=0.1) as (connection, server):
        with pytest.raises(Violation, match=r"does not close within 0.1 s"):
            await connection.ended()
        await server.close(1000, "done")
        assert await connection.ended() == (1000, "done")
