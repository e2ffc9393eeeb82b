"""Every refusal by the event that provokes it: what it costs is given back at once, and the session goes on."""

from __future__ import annotations

import re

import pytest

from duologue.events import RealtimeEvent
from duologue.protocol import ServerProtocol
from duologue.protocol.server.errors import INVALID_REQUESTS, InvalidRequest
from tests._memory import nothing_left_of
from tests.protocol._refused import SMALL, WAYS, Provoked

_OTHERWISE = {
    "expired": "the clock's, which answers no event; a session that expires is among the ends of sessions",
}


def test_every_refusal_has_a_way_that_provokes_it() -> None:
    assert WAYS.keys() | _OTHERWISE.keys() == INVALID_REQUESTS.keys()


@pytest.mark.parametrize("name", WAYS)
def test_a_refused_event_and_its_session_are_freed_at_once(name: str) -> None:
    with nothing_left_of(ServerProtocol, InvalidRequest, RealtimeEvent):
        [*_, error] = WAYS[name]()
        code, words = INVALID_REQUESTS[name]
        assert error["type"] == "error", error
        assert error["error"]["code"] == code
        shape = ".*".join(re.escape(part) for part in re.split(r"\{[^}]*\}", words))
        assert re.fullmatch(shape, error["error"]["message"], re.DOTALL)


def test_a_session_that_refuses_keeps_no_event_while_it_lasts() -> None:
    session = Provoked(SMALL)
    with nothing_left_of(InvalidRequest, RealtimeEvent):
        for _ in range(3):
            session.item(type="function_call_output", call_id="unknown", output="x" * 20_000)
            session.send("response.cancel", event_id="e" * 600)
            session.send_text("{")
