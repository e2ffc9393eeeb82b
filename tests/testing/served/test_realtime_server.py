"""A server in a thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import pytest

from duologue import blocking
from duologue.engines.registry import Engines
from duologue.errors import EngineError
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.testing.served import RealtimeServer, ServerThread


@pytest.fixture
def thread() -> Generator[ServerThread, None, None]:
    thread = ServerThread()
    yield thread
    thread.close()


def test_one_thread_serves_one_application_after_another(thread: ServerThread) -> None:
    urls = set()
    for _ in range(3):
        server = RealtimeServer(RealtimeApp(engines=scripted_app_engines()), thread)
        with blocking.converse(server.url) as conversation:
            conversation.ask("Hello")
        assert [len(call.turns) for call in server.calls] == [1]
        urls.add(server.url)
        server.close()
        server.close()
        assert len(server.calls) == 1
    assert len(urls) == 3  # a late client of one test does not reach the next


def test_a_call_that_goes_on_is_given_as_it_is(thread: ServerThread) -> None:
    server = RealtimeServer(RealtimeApp(engines=scripted_app_engines()), thread)
    with blocking.converse(server.url) as conversation:
        conversation.ask("Hello")
        before = server.calls[0]
        conversation.ask("Hello")
        assert (len(before.turns), len(server.calls[0].turns)) == (1, 2)
    server.close()


def test_engines_that_do_not_load_are_reported_where_the_server_is_made(thread: ServerThread) -> None:
    @asynccontextmanager
    async def broken(*, has_weights: bool = False) -> AsyncGenerator[Engines, None]:
        if not has_weights:
            raise EngineError("no weights", engine="frog")
        yield scripted_engines()

    with pytest.raises(EngineError, match="no weights"):
        RealtimeServer(RealtimeApp(engines=broken), thread)
