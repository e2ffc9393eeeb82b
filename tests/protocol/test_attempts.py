"""Which response may be the answer to a request, when no tag says so."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import RealtimeEvent, RealtimeResponse, ResponseCreateEvent
from duologue.protocol.attempts import Attempt
from duologue.protocol.requests import ResponseRequest


def attempt(*, tagged: bool = False, **response: Any) -> Attempt:
    event = RealtimeEvent.from_json({"type": "response.create", "response": response})
    assert isinstance(event, ResponseCreateEvent)
    return Attempt(request=ResponseRequest(request_id="1", event=event, requested_at_s=0.0), tagged=tagged)


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
