from __future__ import annotations

import pytest

from duologue import Endpoint
from duologue.client.call_requests import ask_of_call
from duologue.errors import RequestRejected
from tests.client.test_hanging_up import service


async def test_the_call_is_named_below_the_path_of_calls_whatever_the_endpoint_says() -> None:
    with service(200) as (url, seen):
        for endpoint in (Endpoint(url=url), Endpoint(url=f"{url}/v1/realtime", call_id="other", transport="websocket")):
            await ask_of_call(endpoint, "verb", call_id="rtc 1", timeout=5)
    assert seen == [("/v1/realtime/calls/rtc%201/verb", None)] * 2


async def test_what_is_said_of_the_call_is_a_rejected_request() -> None:
    with service(409) as (url, _), pytest.raises(RequestRejected, match="cannot transfer"):
        await ask_of_call(Endpoint(url=url), "refer", call_id="rtc_1", body={}, timeout=5)
