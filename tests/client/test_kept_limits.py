"""A hostile server cannot fill a client's memory: the conversation ends with an error, in both clients."""

from __future__ import annotations

import pytest

from duologue.errors import ConnectionClosedError
from duologue.events import RealtimeEvent
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.options import CoreOptions
from duologue.testing import ScriptedServer, Send, Stall
from tests.client._frames import added, message, serving
from tests.client._waiting import talking

OPTIONS = CoreOptions(kept=KeptLimits(items=5))
SENTENCE = r"closed with code 1009 \(the server sent more than 5 items, which is more than is kept"


def hostile() -> ScriptedServer:
    frames = [added(message(f"item_{number}", "user", "Hello")) for number in range(20)]
    return serving([Send(*frames), Stall()], [])


async def test_a_conversation_that_is_sent_too_much_ends_and_says_of_what() -> None:
    server = hostile()
    async with talking(server, options=OPTIONS) as conversation, conversation.stream(RealtimeEvent) as events:
        with pytest.raises(ConnectionClosedError, match=SENTENCE):
            async for _ in events:
                pass
        assert len(conversation.items) <= 6
    assert len(server.received) == 1
