"""Every invalid request: its code, parameter and message, what it leaves unchanged, and that it frees its memory."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from duologue.events import RealtimeEvent
from duologue.protocol import ServerProtocol
from duologue.protocol.server.errors import INVALID_REQUESTS, InvalidRequest
from duologue.testing import Pair
from tests._memory import nothing_left_of
from tests.protocol._invalid_requests import FULL, PARAMS, SMALL, WAYS, Provoked
from tests.protocol._wire import create, invalid, raw, user_text

_OTHERWISE = {
    "not_for_realtime": "of client secrets; tests/server/test_session_start.py",
    **dict.fromkeys(
        ("not_for_translation", "fixed_at_creation", "session_closing"),
        "of translation sessions; tests/protocol/translation/server/test_protocol.py, tests/server/translation",
    ),
    "expired": "the clock's, which answers no event; a session that expires is among the ends of sessions",
}


@pytest.mark.parametrize("event_id", ["", "mine", "e" * 512])
def test_a_client_event_s_id_comes_back_in_its_error_and_nowhere_else(pair: Pair, event_id: str) -> None:
    message = {"type": "response.cancel", "event_id": event_id}
    assert invalid(raw(pair, message))["event_id"] == event_id
    events = raw(pair, {**create(user_text("hi")).to_json(), "event_id": event_id})
    assert event_id == "" or event_id not in json.dumps([event.to_json() for event in events])


def test_every_invalid_request_has_a_way_to_provoke_it() -> None:
    assert WAYS.keys() | _OTHERWISE.keys() == INVALID_REQUESTS.keys()


@pytest.mark.parametrize("name", WAYS)
def test_a_rejected_event_and_its_session_are_freed_at_once(name: str) -> None:
    with nothing_left_of(ServerProtocol, InvalidRequest, RealtimeEvent):
        [*_, error] = WAYS[name]()
        code, words = INVALID_REQUESTS[name]
        assert error["type"] == "error", error
        assert (error["error"]["code"], error["error"]["event_id"]) == (code, None)
        assert error["error"]["param"] == PARAMS.get(name)
        assert error["error"]["type"] == ("server_error" if name == "server_full" else "invalid_request_error")
        shape = ".*".join(re.escape(part) for part in re.split(r"\{[^}]*\}", words))
        assert re.fullmatch(shape, error["error"]["message"], re.DOTALL)


@pytest.mark.parametrize("param", FULL)
def test_a_full_session_names_what_did_not_fit_and_counts_nothing_of_it(param: str) -> None:
    session = Provoked(msgspec.structs.replace(SMALL, max_event_bytes=1_000_000, max_session_bytes=12_000))
    before = dict(session.protocol.held)
    [error] = FULL[param](session)
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", param)
    assert "up to 12000 bytes of memory" in error["error"]["message"]
    assert {kind: held for kind, held in session.protocol.held.items() if held} == before


def test_a_session_that_rejects_events_keeps_no_event_while_it_lasts() -> None:
    session = Provoked(SMALL)
    with nothing_left_of(InvalidRequest, RealtimeEvent):
        for _ in range(3):
            session.item(type="function_call_output", call_id="unknown", output="x" * 20_000)
            session.send("response.cancel", event_id="e" * 600)
            session.send_text("{")
