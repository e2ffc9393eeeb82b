"""What is asked for, and what is wrong before anything is sent; test_ringing.py has what our server does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue import Endpoint
from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound, RequestRejected
from duologue.events import RealtimeSessionConfig
from duologue.telephony import sip
from tests._uvicorn import under_uvicorn
from tests.telephony.sip._service import Service

ENDED = {"error": {"message": "No session found.", "type": "invalid_request_error", "code": "call_id_not_found"}}


async def test_each_verb_is_a_request_about_the_call() -> None:
    service = Service()
    async with under_uvicorn(service, lifespan="off") as port:
        url = f"ws://127.0.0.1:{port}"
        await sip.accept(url, call_id="rtc_1", session={"model": "gpt-realtime"}, api_key="k")
        await sip.accept(f"{url}/v1/realtime", call_id="rtc_1", session=RealtimeSessionConfig(instructions="Hi"))
        await sip.reject(url, call_id="rtc_1")
        await sip.reject(url, call_id="rtc_1", status_code=486)
        await sip.refer(url, call_id="a/b", target_uri="tel:+1555")
        await sip.hang_up(Endpoint(url=url, headers={"X-A": "b"}), call_id="rtc_1", api_key="k")
    assert [(path, body) for path, _, body in service.asked] == [
        ("/v1/realtime/calls/rtc_1/accept", {"type": "realtime", "model": "gpt-realtime"}),
        ("/v1/realtime/calls/rtc_1/accept", {"type": "realtime", "instructions": "Hi"}),
        ("/v1/realtime/calls/rtc_1/reject", {"status_code": 603}),
        ("/v1/realtime/calls/rtc_1/reject", {"status_code": 486}),
        ("/v1/realtime/calls/a%2Fb/refer", {"target_uri": "tel:+1555"}),
        ("/v1/realtime/calls/rtc_1/hangup", None),
    ]
    assert service.asked[0][1]["authorization"] == "Bearer k"
    assert (service.asked[-1][1]["authorization"], service.asked[-1][1]["x-a"]) == ("Bearer k", "b")
    assert "authorization" not in service.asked[2][1]


@pytest.mark.parametrize(
    ("status", "answer", "kind", "words"),
    [
        (404, ENDED, RequestRejected, "cannot accept the call: .*it is over, was answered already.*No session found"),
        (400, ENDED, RequestRejected, "No session found"),
        (409, {}, RequestRejected, "409"),
        (401, {}, AuthenticationFailed, "key"),
        (404, {"error": {"code": "invalid_model", "message": "no"}}, ModelNotFound, "model"),
        (503, {}, ConnectFailed, "503"),
    ],
)
async def test_a_refusal_says_what_to_do(status: int, answer: Any, kind: type[Exception], words: str) -> None:
    async with under_uvicorn(Service(status, json.dumps(answer)), lifespan="off") as port:
        with pytest.raises(kind, match=words) as caught:
            await sip.accept(f"ws://127.0.0.1:{port}", call_id="rtc_1", session={"model": "m"}, api_key="k")
    assert type(caught.value) is kind


async def test_what_cannot_be_right_is_not_sent() -> None:
    with pytest.raises(ValueError, match="300 to 699"):
        await sip.reject("ws://127.0.0.1:9", call_id="rtc_1", status_code=200)
    for target in ("+15550199", "https://example.com", "tel:+1\n5"):
        with pytest.raises(ValueError, match="tel:"):
            await sip.refer("ws://127.0.0.1:9", call_id="rtc_1", target_uri=target)
    with pytest.raises(ValueError, match="has an id"):
        await sip.hang_up("ws://127.0.0.1:9", call_id="")
