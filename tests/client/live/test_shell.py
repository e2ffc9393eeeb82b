"""What runs for a Live session: it begins, tells what came before the application was there, and ends whole."""

from __future__ import annotations

import asyncio

import pytest

import duologue
from duologue.notices import SessionStarted, TranscriptDelta
from duologue.testing import LIVE_CLOSED, Close, Drop, ScriptedServer, Send
from tests.client._waiting import no_task_left
from tests.client.live._talking import START, read_to_the_end, says, serving, talking


async def test_what_came_before_the_application_was_there_is_told() -> None:
    server = ScriptedServer([*START, Send(says("user", "Hi.", 0, 200), LIVE_CLOSED), Close()])
    async with talking(server) as live:
        notices = await read_to_the_end(live)
    assert [type(notice) for notice in notices if isinstance(notice, SessionStarted | TranscriptDelta)] == [
        SessionStarted,
        TranscriptDelta,
    ]
    assert notices[-1] == live.outcome


async def test_a_session_that_is_lost_as_soon_as_it_has_started_begins_and_is_lost() -> None:
    async with talking(ScriptedServer([*START, Drop()])) as live:
        with pytest.raises(duologue.SessionLost):
            await read_to_the_end(live)


async def test_closing_in_a_callback_and_from_several_tasks_is_safe() -> None:
    server = serving(Send(says("user", "Bye.", 0, 200)))
    async with talking(server) as live:
        closed = asyncio.Event()

        async def close(notice: object) -> None:
            await live.close()
            closed.set()

        live.on(TranscriptDelta, close)
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(live.close(), live.close(at_once=False))
            await closed.wait()
    assert outcomes[0] == outcomes[1] == live.outcome


async def test_a_close_that_is_cancelled_leaves_no_task() -> None:
    server = ScriptedServer([*START])
    async with no_task_left():
        live = None
        with pytest.raises(TimeoutError):
            async with (
                asyncio.timeout(0.05),
                duologue.live(model="m", open_connection=server.open_live) as live,
            ):
                await live.close()
        assert live is not None
        assert live.outcome is not None
        assert not live.outcome.finalised


async def test_a_session_that_was_never_started_closes_too() -> None:
    with pytest.raises(duologue.ConnectFailed):
        async with talking(ScriptedServer([Close(1013)])):
            pass
