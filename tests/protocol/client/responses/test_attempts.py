"""How far requests have come, and which response answers which."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import RealtimeEvent, RealtimeResponse, ResponseCreateEvent
from duologue.protocol.client.responses.attempts import Attempt, RequestTable
from duologue.protocol.client.responses.requests import REQUEST_TAG, ResponseRequest


def attempt(request_id: str = "1", *, tagged: bool = False, **response: Any) -> Attempt:
    event = RealtimeEvent.from_json({"type": "response.create", "response": response})
    assert isinstance(event, ResponseCreateEvent)
    return Attempt(request=ResponseRequest(request_id=request_id, event=event, requested_at_s=0.0), tagged=tagged)


@pytest.mark.parametrize(
    ("wanted", "conversation_id", "crowded", "fits"),
    [
        ({}, "c", True, True),
        ({}, None, True, False),
        ({}, None, False, True),
        ({"conversation": "none"}, "c", True, False),
        ({"conversation": "none"}, None, True, True),
    ],
    ids=["named", "null beside others", "null alone", "out of band, named", "out of band, null"],
)
def test_the_conversation_tells_the_two_kinds_apart(
    wanted: dict[str, Any], conversation_id: str | None, crowded: bool, fits: bool
) -> None:
    response = RealtimeResponse(conversation_id=conversation_id)
    assert attempt(**wanted).may_be(response, crowded=crowded, echoes=False) is fits


def test_a_tag_that_does_not_come_back_means_another_response_once_the_server_is_known_to_echo() -> None:
    response = RealtimeResponse(conversation_id="c", metadata=None)
    assert attempt(tagged=True).may_be(response, crowded=False, echoes=False)
    assert not attempt(tagged=True).may_be(response, crowded=False, echoes=True)
    assert attempt().may_be(response, crowded=False, echoes=True)


def test_metadata_of_the_callers_own_must_agree_where_both_have_some() -> None:
    mine = attempt(metadata={"a": "1"})
    for metadata, fits in (({"a": "1"}, True), ({"a": "2"}, False), (None, True)):
        response = RealtimeResponse(conversation_id="c", metadata=metadata)
        assert mine.may_be(response, crowded=False, echoes=True) is fits


@pytest.fixture
def roster() -> RequestTable:
    """One request in each place: running, beside it, sent, sent for beside it, waiting."""
    full = RequestTable()
    full.active = attempt("active")
    full.beside["resp_2"] = attempt("beside", conversation="none")
    full.sent = attempt("sent")
    full.beside_sent["event_4"] = attempt("beside_sent", conversation="none")
    full.waiting.append(attempt("waiting"))
    return full


def test_requests_are_listed_from_the_oldest_stage_on_and_found_in_any(roster: RequestTable) -> None:
    ids = [each.request.request_id for each in roster]
    assert ids == ["active", "beside", "sent", "beside_sent", "waiting"]
    assert [found.request.request_id for name in ids if (found := roster.find(name)) is not None] == ids
    assert roster.find("nobody") is None


def test_a_tag_names_the_request_and_only_one_that_waits_for_an_answer(roster: RequestTable) -> None:
    def answered(request_id: str) -> Attempt | None:
        return roster.answered_by(RealtimeResponse(conversation_id="c", metadata={REQUEST_TAG: request_id}))

    assert answered("sent") is roster.sent
    assert answered("beside_sent") is roster.beside_sent["event_4"]
    assert [answered(name) for name in ("active", "beside", "waiting", "nobody")] == [None] * 4


def test_without_a_tag_the_conversation_decides(roster: RequestTable) -> None:
    assert roster.answered_by(RealtimeResponse(conversation_id="c")) is roster.sent
    assert roster.answered_by(RealtimeResponse(conversation_id=None)) is roster.beside_sent["event_4"]


def test_a_lost_connection_takes_the_requests_along_and_not_what_the_server_is_like(roster: RequestTable) -> None:
    roster.names_conversations = True
    roster.clear()
    assert list(roster) == []
    assert roster.names_conversations
