"""Opening a blocking conversation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from duologue import blocking
from duologue.client import Connection
from duologue.errors import AuthenticationFailed, ConnectFailed, DuologueError, ModelNotFound, RequestRejected
from duologue.events import AudioConfig, AudioInputConfig, RealtimeSessionConfig, ServerVad
from duologue.testing import Close, Expect, ScriptedServer, ScriptStep, Send, scripted_engines
from tests.client._frames import error, greeting
from tests.client._threads import in_a_thread, no_thread_left, over_a_socket, talking


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


def test_a_configuration_that_our_server_refuses_is_raised_with_its_name() -> None:
    loud = AudioConfig(input=AudioInputConfig(turn_detection=ServerVad(threshold=7.0)))
    refusal = pytest.raises(RequestRejected, match=r"session\.audio\.input\.turn_detection\.threshold")
    with over_a_socket(scripted_engines()) as connect, no_thread_left(), refusal as caught:
        blocking.converse(open_connection=connect, session=RealtimeSessionConfig(audio=loud)).__enter__()
    assert caught.value.error is not None


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([Send(error("invalid_api_key", "Incorrect API key provided.")), Close(3000)], AuthenticationFailed),
        ([Send(greeting()), Expect("session.update"), Send(error("model_not_found", "No such model."))], ModelNotFound),
        ([Close(1008, "policy")], ConnectFailed),
        ([Send(greeting()), Expect("session.update"), Send(error("invalid_value", "No."))], RequestRejected),
    ],
    ids=["key", "model", "policy", "configuration"],
)
def test_a_server_that_refuses_is_an_error_at_once(steps: Sequence[ScriptStep], kind: type[DuologueError]) -> None:
    server = ScriptedServer(steps)
    with in_a_thread(server.listening) as url, no_thread_left(), pytest.raises(kind) as caught:
        blocking.converse(url, session=TEXT).__enter__()
    assert type(caught.value) is kind
    assert len(server.received) == 1


def test_a_configuration_of_another_type_is_a_type_error() -> None:
    wrong: Any = "alloy"
    with no_thread_left(), pytest.raises(TypeError, match="a session is a struct"):
        blocking.converse("ws://127.0.0.1:1", session=wrong).__enter__()
