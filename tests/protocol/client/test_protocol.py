from __future__ import annotations

import json

import pytest

from duologue.errors import ConnectionClosedError, ConnectionClosedOK, LocalProtocolError
from duologue.events import (
    InputAudioBufferClearedEvent,
    RealtimeEvent,
    ResponseCancelEvent,
    ResponseCreateEvent,
    UnknownRealtimeEvent,
)
from duologue.protocol import ClientProtocol
from duologue.protocol.states import ConnectionState
from duologue.testing import CountedIds, Pair
from tests.protocol._wire import update

ERROR = {
    "type": "error",
    "event_id": "e",
    "error": {"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key provided."},
}


@pytest.fixture
def client() -> ClientProtocol:
    return ClientProtocol(new_id=CountedIds())


def test_an_event_gets_an_id_unless_it_has_one(client: ClientProtocol) -> None:
    assert json.loads(client.send(ResponseCreateEvent())) == {"type": "response.create", "event_id": "event_1"}
    assert json.loads(client.send(ResponseCancelEvent(event_id="mine")))["event_id"] == "mine"


def test_an_event_of_unknown_kind_is_sent_as_it_is(client: ClientProtocol) -> None:
    event = RealtimeEvent.from_json({"type": "response.dance", "tempo": 120})
    assert json.loads(client.send(event)) == {"type": "response.dance", "tempo": 120}


def test_an_event_that_only_servers_send_is_rejected(client: ClientProtocol) -> None:
    with pytest.raises(LocalProtocolError, match="only servers send it"):
        client.send(InputAudioBufferClearedEvent(event_id="e"))


def test_nothing_can_be_sent_after_the_end(client: ClientProtocol) -> None:
    client.closed(1000, "")
    with pytest.raises(LocalProtocolError, match="closed"):
        client.send(ResponseCreateEvent())


@pytest.mark.parametrize("message", ["", "nonsense", b"\xff\x00", "[]", "null", '{"type": 3}'])
def test_receiving_never_raises(client: ClientProtocol, message: str | bytes) -> None:
    event = client.receive(message)
    assert isinstance(event, UnknownRealtimeEvent)
    assert event.problem


def test_what_only_clients_send_is_not_read_as_an_event_of_the_server(client: ClientProtocol) -> None:
    event = client.receive('{"type": "response.cancel", "response_id": "resp_1"}')
    assert isinstance(event, UnknownRealtimeEvent)
    assert event.json == {"type": "response.cancel", "response_id": "resp_1"}
    assert event.problem == "only clients send response.cancel - at `$.type`"


def test_the_session_is_the_one_that_the_server_last_sent() -> None:
    pair = Pair()
    assert (pair.client.state, pair.client.session) == (ConnectionState.CONNECTING, None)
    pair.connect()
    assert pair.client.state == ConnectionState("open")
    pair.send(update(instructions="Rhyme."))
    assert getattr(pair.client.session, "instructions", None) == "Rhyme."
    pair.client.closed(1000, "")
    assert pair.client.state is ConnectionState.CLOSED


def test_a_close_right_behind_an_error_carries_it(client: ClientProtocol) -> None:
    client.receive(json.dumps(ERROR))
    closed = client.closed(3000, "invalid_request_error.invalid_api_key")
    assert isinstance(closed, ConnectionClosedError)
    assert closed.error is not None
    assert closed.error.error.code == "invalid_api_key"
    assert "Incorrect API key provided." in str(closed)


def test_a_close_some_time_after_an_error_does_not(client: ClientProtocol) -> None:
    client.receive(json.dumps(ERROR))
    client.receive('{"type":"input_audio_buffer.cleared","event_id":"x"}')
    closed = client.closed(1000, "")
    assert isinstance(closed, ConnectionClosedOK)
    assert closed.error is None
    assert client.last_error is not None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, ConnectionClosedOK),
        (1001, ConnectionClosedOK),
        (1006, ConnectionClosedError),
        (4000, ConnectionClosedError),
    ],
)
def test_a_close_is_an_error_unless_it_was_agreed(client: ClientProtocol, code: int, kind: type[Exception]) -> None:
    assert type(client.closed(code, "why")) is kind


def test_an_agreed_close_right_behind_an_error_is_an_error(client: ClientProtocol) -> None:
    client.receive(json.dumps(ERROR))
    assert type(client.closed(1001, "")) is ConnectionClosedError
