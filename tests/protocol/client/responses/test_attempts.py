"""How far requests have come, and which response answers which of them."""

from __future__ import annotations

from math import inf
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


@pytest.mark.parametrize(
    ("response_id", "conversation_id", "names_conversations", "out_of_band"),
    [
        ("resp_2", None, False, True),
        ("superseded", "c", True, False),
        ("resp_1", None, True, False),
        ("resp_9", None, True, True),
        ("resp_9", None, False, False),
        ("resp_9", "c", True, False),
    ],
    ids=["requested so", "superseded", "active", "null", "null that means nothing", "named"],
)
def test_a_response_is_out_of_band_by_its_request_else_by_null_where_others_have_a_conversation(
    table: RequestTable, response_id: str, conversation_id: str | None, names_conversations: bool, out_of_band: bool
) -> None:
    table.detached["superseded"] = attempt("superseded")
    table.names_conversations = names_conversations
    response = RealtimeResponse(id=response_id, conversation_id=conversation_id)
    assert table.is_out_of_band(response, active_id="resp_1") is out_of_band


def test_requests_without_an_answer_are_overdue_in_the_order_of_their_deadlines(table: RequestTable) -> None:
    sent, outside, detached = table.sent, table.out_of_band_sent["event_4"], table.detached["resp_2"]
    assert table.next_deadline == inf
    for waiting, ends_by in ((detached, 1.0), (outside, 2.0), (sent, 3.0)):
        assert waiting is not None
        waiting.ends_by = ends_by
    assert (table.next_deadline, table.take_overdue(0.9)) == (1.0, [])
    assert table.take_overdue(1.0) == [detached]
    assert (table.next_deadline, table.take_overdue(3.0)) == (2.0, [outside])
    assert (table.next_deadline, table.detached, table.out_of_band_sent) == (3.0, {}, {})


def test_the_end_of_a_response_is_remembered_once_and_its_cancel_needs_no_answer(table: RequestTable) -> None:
    table.cancels = {"event_8": "resp_1", "event_9": "resp_2"}
    for response_id in ("resp_1", "resp_1", ""):
        table.end(response_id)
    assert (list(table.ended), table.cancels) == (["resp_1"], {"event_9": "resp_2"})


def test_a_lost_connection_clears_the_requests_and_not_what_is_known_about_the_server(table: RequestTable) -> None:
    table.names_conversations = True
    table.cancels["event_9"] = "resp_1"
    table.end("resp_2")
    table.clear()
    assert (list(table), table.cancels, list(table.ended)) == ([], {}, [])
    assert table.names_conversations
