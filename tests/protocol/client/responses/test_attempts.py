"""How far requests have come, and which response answers which of them."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import RealtimeResponse
from duologue.protocol.client.responses.attempts import Attempt, RequestTable
from duologue.protocol.client.responses.requests import REQUEST_TAG, ResponseRequest
from tests.protocol._sequencer_driver import wire_create


def attempt(request_id: str = "1", *, tagged: bool = False, **response: Any) -> Attempt:
    request = ResponseRequest(request_id=request_id, event=wire_create(**response), requested_at_s=0.0)
    return Attempt(request=request, tagged=tagged)


@pytest.mark.parametrize(
    ("wanted", "conversation_id", "out_of_band_sent", "fits"),
    [
        ({}, "c", True, True),
        ({}, None, True, False),
        ({}, None, False, True),
        ({"conversation": "none"}, "c", True, False),
        ({"conversation": "none"}, None, True, True),
    ],
    ids=["named", "null, others sent", "null alone", "out of band, named", "out of band, null"],
)
def test_the_conversation_distinguishes_the_two_kinds_of_requests(
    wanted: dict[str, Any], conversation_id: str | None, out_of_band_sent: bool, fits: bool
) -> None:
    response = RealtimeResponse(conversation_id=conversation_id)
    assert attempt(**wanted).may_be(response, out_of_band_sent=out_of_band_sent, echoes_metadata=False) is fits


def test_a_tag_that_does_not_come_back_means_another_response_once_the_server_is_known_to_echo() -> None:
    response = RealtimeResponse(conversation_id="c", metadata=None)
    assert attempt(tagged=True).may_be(response, out_of_band_sent=False, echoes_metadata=False)
    assert not attempt(tagged=True).may_be(response, out_of_band_sent=False, echoes_metadata=True)
    assert attempt().may_be(response, out_of_band_sent=False, echoes_metadata=True)


def test_metadata_of_the_callers_own_must_agree_where_both_have_some() -> None:
    mine = attempt(metadata={"a": "1"})
    for metadata, fits in (({"a": "1"}, True), ({"a": "2"}, False), (None, True)):
        response = RealtimeResponse(conversation_id="c", metadata=metadata)
        assert mine.may_be(response, out_of_band_sent=False, echoes_metadata=True) is fits


@pytest.fixture
def table() -> RequestTable:
    """One request of each kind: active, detached, sent, sent out of band, waiting."""
    full = RequestTable()
    full.active = attempt("active")
    full.detached["resp_2"] = attempt("detached", conversation="none")
    full.sent = attempt("sent")
    full.out_of_band_sent["event_4"] = attempt("out_of_band_sent", conversation="none")
    full.waiting.append(attempt("waiting"))
    return full


def test_requests_are_listed_from_the_oldest_stage_on_and_found_in_any(table: RequestTable) -> None:
    ids = [each.request.request_id for each in table]
    assert ids == ["active", "detached", "sent", "out_of_band_sent", "waiting"]
    assert [found.request.request_id for name in ids if (found := table.find(name)) is not None] == ids
    assert table.find("unknown") is None


def test_a_tag_names_the_request_and_only_one_that_waits_for_an_answer(table: RequestTable) -> None:
    def answered(request_id: str) -> Attempt | None:
        return table.answered_by(RealtimeResponse(conversation_id="c", metadata={REQUEST_TAG: request_id}))

    assert answered("sent") is table.sent
    assert answered("out_of_band_sent") is table.out_of_band_sent["event_4"]
    assert [answered(name) for name in ("active", "detached", "waiting", "unknown")] == [None] * 4


def test_without_a_tag_the_conversation_decides(table: RequestTable) -> None:
    assert table.answered_by(RealtimeResponse(conversation_id="c")) is table.sent
    assert table.answered_by(RealtimeResponse(conversation_id=None)) is table.out_of_band_sent["event_4"]


def test_a_lost_connection_clears_the_requests_and_not_what_is_known_about_the_server(table: RequestTable) -> None:
    table.names_conversations = True
    table.clear()
    assert list(table) == []
    assert table.names_conversations
