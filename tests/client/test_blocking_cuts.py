"""A whole conversation of the blocking client, cut at each of its messages."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from duologue import blocking
from duologue.client import Connection, Endpoint, connect
from duologue.client.connect import open_endpoint
from duologue.client.link import OpenConnection
from duologue.errors import ConnectionClosed, LocalProtocolError, RequestRejected
from duologue.events import RealtimeSessionConfig
from duologue.protocol.memory import SessionRestored
from duologue.server import RealtimeApp
from duologue.testing import scripted_engines
from duologue.testing.engines import scripted_app_engines
from duologue.transports.websocket import WebSocketTransport
from tests.client._cutting import CuttingTransport
from tests.client._threads import aside, no_thread_left
from tests.client._waiting import FAST
from tests.server._listening import listening

TEXT = RealtimeSessionConfig(output_modalities=["text"])
TRIES = 20


def cutting(url: str, after: int) -> tuple[list[CuttingTransport], OpenConnection]:
    """What opens connections, the first of which breaks off; and that one, once it is there."""
    cuts: list[CuttingTransport] = []

    @asynccontextmanager
    async def opening() -> AsyncGenerator[Connection, None]:
        transport = await open_endpoint(Endpoint(url=url))
        if not cuts:
            assert isinstance(transport, WebSocketTransport)
            cuts.append(CuttingTransport(transport, after=after, break_off=partial(abort, transport)))
            transport = cuts[0]
        async with connect(transport=transport, loop_lag_ms=None) as connection:
            yield connection

    return cuts, opening


async def abort(transport: WebSocketTransport) -> None:
    """Break off the TCP connection."""
    transport._socket.transport.abort()


def insist(conversation: blocking.BlockingConversation, question: str, expected: str) -> None:
    """Ask until the answer comes; what was lost with a connection is told, and waits for the next one."""
    with conversation.stream(SessionRestored) as restored:
        for _ in range(TRIES):
            try:
                assert conversation.ask(question, timeout_s=5) == expected
            except (RequestRejected, LocalProtocolError):
                try:
                    restored.receive(timeout_s=0.2)
                except TimeoutError:
                    continue  # it came before this was asked
            else:
                return
    raise AssertionError(f"no answer in {TRIES} attempts")


def test_a_conversation_survives_a_cut_at_each_of_its_messages_and_leaves_no_thread() -> None:
    engines = scripted_engines(says=("Seven.",))
    with aside(lambda: listening(RealtimeApp(engines=scripted_app_engines(engines)))) as url:
        for after in range(60):
            began = time.monotonic()
            cuts, opening = cutting(url, after)
            with no_thread_left():
                try:
                    with blocking.converse(open_connection=opening, session=TEXT, reconnect=FAST) as conversation:
                        insist(conversation, "How many?", "Seven.")
                        insist(conversation, "And now?", "Seven.")
                        said = [item.text for item in conversation.items if item.done]
                        assert said.index("Seven.") < len(said) - 1
                        assert "And now?" in said
                except ConnectionClosed:
                    pytest.fail(f"the conversation ended with the cut after {after} messages")
            assert time.monotonic() - began < 5
            if not cuts[0]._cut.is_set():
                break
        else:
            pytest.fail("the conversation is longer than this test thinks")
        assert after > 20
