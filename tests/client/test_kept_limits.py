"""A hostile server cannot fill a client's memory: the conversation ends with an error, in both clients."""

from __future__ import annotations

import pytest

from duologue import blocking
from duologue.client import converse
from duologue.errors import ConnectionClosedError
from duologue.events import RealtimeEvent
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.options import CoreOptions
from duologue.testing import ScriptedServer, Send, Stall
from tests.client._frames import added, greeting, message
from tests.client._threads import in_a_thread
from tests.client._waiting import FAST, no_task_left

OPTIONS = CoreOptions(kept=KeptLimits(items=5))
SENTENCE = r"closed with code 1009 \(the server sent more than 5 items, which is more than is kept"


def hostile() -> ScriptedServer:
    frames = [added(message(f"item_{number}", "user", "Hello")) for number in range(20)]
    return ScriptedServer([Send(greeting(), *frames), Stall()], [Send(greeting())])


async def test_a_conversation_that_is_sent_too_much_ends_and_says_of_what() -> None:
    server = hostile()
    async with (
        no_task_left(),
        converse(open_connection=server.connect, options=OPTIONS, reconnect=FAST) as conversation,
        conversation.stream(RealtimeEvent) as events,
    ):
        with pytest.raises(ConnectionClosedError, match=SENTENCE):
            async for _ in events:
                pass
        assert len(conversation.items) <= 6
    assert len(server.received) == 1


def test_a_blocking_conversation_that_is_sent_too_much_ends_and_says_of_what() -> None:
    server = hostile()
    with (
        in_a_thread(server.listening) as url,
        blocking.converse(url, options=OPTIONS, reconnect=FAST) as conversation,
        conversation.stream(RealtimeEvent, timeout=5) as events,
        pytest.raises(ConnectionClosedError, match=SENTENCE),
    ):
        for _ in events:
            pass
