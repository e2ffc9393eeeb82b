"""Opening a conversation: configuration first, and nothing left behind if it cannot be opened."""

from __future__ import annotations

import pytest

from duologue import converse
from duologue.errors import ConnectFailed
from duologue.events import RealtimeSessionConfig
from tests.client._frames import replies, serving, updated
from tests.client._waiting import no_task_left


def weather(city: str) -> str:
    """The weather in a city."""
    return city


async def test_configuration_and_functions_are_sent_before_the_block_begins() -> None:
    server = serving(replies("session.update", updated()))
    session = RealtimeSessionConfig(instructions="Be brief.")
    async with (
        no_task_left(),
        server.listening() as url,
        converse(url, model="m", tools=[weather], session=session, open_timeout=5),
    ):
        sent = await server.wait_for("session.update")
        assert sent["session"]["instructions"] == "Be brief."
        assert [tool["name"] for tool in sent["session"]["tools"]] == ["weather"]


async def test_pain_24_a_first_connection_that_fails_leaves_nothing_behind() -> None:
    async with no_task_left():
        with pytest.raises(ConnectFailed):
            await converse("ws://127.0.0.1:1").__aenter__()
