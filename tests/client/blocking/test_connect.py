"""Opening a blocking connection."""

from __future__ import annotations

import socket

import pytest

from duologue import blocking
from duologue.client import Endpoint
from duologue.errors import ConnectFailed
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from duologue.transports.blocking import blocking_memory_pair
from tests.client._threads import in_a_thread, no_thread_left
from tests.server._listening import listening


def test_an_endpoint_takes_the_place_of_its_parts() -> None:
    near = blocking_memory_pair()[0]
    with blocking.connect(Endpoint(dialect="openai-beta"), transport=near) as connection:
        assert connection.dialect == "openai-beta"
    with pytest.raises(ValueError, match="no dialect 'klingon'"):
        blocking.connect(dialect="klingon", transport=near).__enter__()


def test_a_server_that_is_not_there_is_a_sentence_and_leaves_no_thread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}"
    with no_thread_left(), pytest.raises(ConnectFailed, match="cannot reach ws://127") as caught, blocking.connect(url):
        pass
    assert caught.value.retryable


def test_a_session_with_our_server_is_greeted_and_closed_without_a_trace() -> None:
    app = RealtimeApp(engines=scripted_app_engines(scripted_engines()))
    with (
        no_thread_left(),
        in_a_thread(lambda: listening(app)) as url,
        no_thread_left(),
        blocking.connect(url) as connection,
    ):
        assert connection.receive(timeout=5).type == "session.created"
        assert connection.session is not None
        with pytest.raises(TimeoutError):
            connection.receive(timeout=0.05)
