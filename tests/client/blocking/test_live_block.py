"""A Live session's event loop lives as long as its `with` block."""

from __future__ import annotations

import threading

import pytest

from duologue import blocking
from duologue.testing import ScriptedServer
from tests.client._threads import no_thread_left
from tests.client.blocking._live import talking_live
from tests.client.live._talking import START, serving


def test_an_exception_closes_at_once_and_leaves_no_thread() -> None:
    server = ScriptedServer([*START])
    with pytest.raises(ZeroDivisionError), talking_live(server):
        raise ZeroDivisionError
    assert server.closed_with == [1000]
    assert server.types() == ["session.start"]


def test_a_session_can_be_closed_from_another_thread() -> None:
    with no_thread_left(), talking_live(serving()) as live:
        closing = threading.Thread(target=live.close)
        closing.start()
        closing.join(5)
        assert not closing.is_alive()
        assert live.outcome is not None


def test_a_coroutine_of_the_loop_cannot_close_it() -> None:
    refused: list[str] = []

    async def close() -> None:
        try:
            live.close(at_once=True)
        except RuntimeError as fault:
            refused.append(str(fault))

    with talking_live(serving()) as live:
        live._loop.call(close)
    assert "would wait for its own event loop" in refused[0]
    assert isinstance(live, blocking.BlockingLive)
