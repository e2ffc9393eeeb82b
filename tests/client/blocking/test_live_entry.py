"""The three ways into a Live session, for threads."""

from __future__ import annotations

import pytest

from duologue import blocking
from duologue.errors import ConnectFailed, LocalProtocolError
from duologue.testing import LIVE_STARTED, ScriptedServer, Send
from tests.client._threads import in_a_thread, no_thread_left
from tests.client.live._talking import END, serving, started


def test_a_session_over_a_socket() -> None:
    server = serving()
    with in_a_thread(server.listening) as url, blocking.live(url, model="m") as live:
        assert live.session is not None
    assert live.outcome is not None
    assert live.outcome.finalised


def test_a_sideband_and_a_fork_by_the_id_of_a_session() -> None:
    server = ScriptedServer([Send(LIVE_STARTED)], [*started(id="live_2"), *END])
    with no_thread_left():
        with blocking.attach_live("", "live_1", open_connection=server.open_live) as sideband:
            assert sideband.session is not None
        with blocking.fork_live("", "live_1", session={"store": True}, open_connection=server.open_live) as fork:
            assert fork.session is not None
    assert [target.kind for target in server.targets] == ["attach", "fork"]


def test_what_is_refused_leaves_no_thread() -> None:
    with no_thread_left():
        with pytest.raises(LocalProtocolError, match="names its model"), blocking.live("localhost"):
            pass
        with pytest.raises(ConnectFailed), blocking.live("ws://127.0.0.1:9", model="m"):
            pass
        with pytest.raises(TypeError, match="needs the URL"), blocking.live(model="m"):
            pass
