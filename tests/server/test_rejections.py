from __future__ import annotations

import pytest

from duologue.codec import decode, encode
from duologue.server.rejections import REBUFFS, Rebuff

DETAILS = {"model": "m", "intent": "i", "seconds": 1.5, "method": "GET", "path": "/", "most": 1, "websocket": "/w"}


@pytest.mark.parametrize("name", REBUFFS)
def test_every_rebuff_has_an_event_that_can_be_read_a_status_and_a_close_code_that_may_be_sent(name: str) -> None:
    rebuff = Rebuff(name, **DETAILS)
    event = rebuff.event("event_1")
    assert decode(encode(event)) == event
    assert 400 <= rebuff.http_status < 600
    assert rebuff.close_code in {1001, 1007, 1008, 1009, 1011, 1013} or 3000 <= rebuff.close_code < 5000
    assert "{" not in rebuff.error.message
    assert len(rebuff.close_reason.encode()) <= 123
    assert rebuff.body()["error"].keys() == {"message", "type", "param", "code"}


def test_the_close_says_the_type_and_the_code_as_the_hosted_service_does() -> None:
    assert Rebuff("wrong_key").close_reason == "invalid_request_error.invalid_api_key"
    assert Rebuff("no_key").close_reason == "invalid_request_error"
