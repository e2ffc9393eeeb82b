"""Opening a blocking conversation."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from duologue import blocking
from duologue.client import Connection
from duologue.errors import ConnectFailed
from duologue.events import RealtimeSessionConfig
from duologue.testing import Expect, ScriptedServer, Send
from tests.client._threads import no_thread_left, talking


def test_the_first_connection_must_be_opened() -> None:
    def refuse() -> AbstractAsyncContextManager[Connection]:
        raise ConnectFailed("no", retryable=True)

    with no_thread_left(), pytest.raises(ConnectFailed), blocking.converse(open_connection=refuse):
        pass


def test_a_server_is_answered_in_the_dialect_in_which_it_greets() -> None:
    old = {"id": "sess_1", "object": "realtime.session", "modalities": ["text"], "voice": "alloy"}
    server = ScriptedServer([Send({"type": "session.created", "session": old}), Expect("session.update")])
    with talking(server, session=TEXT):
        pass
    assert server.received[0][0]["session"]["modalities"] == ["text"]


def test_a_server_that_never_greets_is_spoken_to_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.client.asyncio.session_opening.FIRST_EVENT_S", 0.05)
    server = ScriptedServer([Expect("session.update")])
    with talking(server, session=TEXT):
        pass
    assert server.received[0][0]["session"]["output_modalities"] == ["text"]


TEXT = RealtimeSessionConfig(output_modalities=["text"])
