"""A scripted server in a thread."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from duologue import blocking
from duologue.testing import GREETING, Close, Expect, Send
from duologue.testing.served import ServedScript, ServerThread


@pytest.fixture
def thread() -> Generator[ServerThread, None, None]:
    thread = ServerThread()
    yield thread
    thread.close()


def test_what_a_client_sent_before_it_left_counts(thread: ServerThread) -> None:
    server = ServedScript([Send(GREETING), Expect("conversation.item.create")], thread=lambda: thread)
    with blocking.converse(server.url) as conversation:
        conversation.send_text("Hi")
    server.close()
    server.close()
    server.assert_played()
    assert server.types() == ["conversation.item.create"]


def test_a_server_that_was_never_asked_for_does_not_listen(thread: ServerThread) -> None:
    server = ServedScript([Send(GREETING), Close()], thread=lambda: thread)
    server.close()
    assert server.problems() == ["connection 0 was never opened, and there is a script for it"]
