from __future__ import annotations

import pytest

from duologue.codec import decode, encode
from duologue.server.rejections import REJECTIONS, Rejection

DETAILS = {
    "model": "m",
    "intent": "i",
    "seconds": 1.5,
    "method": "GET",
    "path": "/",
    "max_bytes": 1,
    "websocket": "/w",
    "session_id": "live_1",
    "max": 1,
    "reason": "why",
    "got": "text/plain",
    "problem": "cannot be reached",
    "call_id": "rtc_1",
    "kind": "translation",
    "manner": "later",
    "known": "now",
}


@pytest.mark.parametrize("name", REJECTIONS)
def test_every_rejection_has_a_readable_event_a_status_and_a_close_code_that_may_be_sent(name: str) -> None:
    rejection = Rejection(name, **DETAILS)
    event = rejection.event("event_1")
    assert decode(encode(event)) == event
    assert 400 <= rejection.http_status < 600
    assert rejection.close_code in {1001, 1007, 1008, 1009, 1011, 1013} or 3000 <= rejection.close_code < 5000
    assert "{" not in rejection.error.message
    assert len(rejection.close_reason.encode()) <= 123
    assert rejection.body()["error"].keys() == {"message", "type", "param", "code"}


def test_the_close_says_the_type_and_the_code_as_the_hosted_service_does() -> None:
    assert Rejection("wrong_key").close_reason == "invalid_request_error.invalid_api_key"
    assert Rejection("no_key").close_reason == "invalid_request_error"
