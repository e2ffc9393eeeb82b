from __future__ import annotations

from duologue.codec import decode_live, encode_live
from duologue.server.live.live_errors import live_error
from duologue.server.rejections import Rejection


def test_a_rejection_names_the_refused_command_in_both_places() -> None:
    event = live_error(Rejection("events"), "e1", answers="c1")
    assert decode_live(encode_live(event)) == event
    assert event.client_event_id == event.error.client_event_id == "c1"
    assert event.error.code == "rate_limit_exceeded"


def test_a_rejection_without_a_code_has_its_type_for_one() -> None:
    event = live_error(Rejection("no_key"), "e1")
    assert event.to_json() == {
        "type": "error",
        "event_id": "e1",
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_request_error",
            "message": "Missing bearer or basic authentication in header",
        },
    }
