from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from duologue.server.calls.live_start import LiveStart, live_offer
from duologue.server.rejections import Rejection
from duologue.server.session_start import ConfigRejected
from duologue.transports import memory_pair

SDP = {"type": "webrtc", "sdp": "v=0"}


def test_a_body_has_an_offer_and_a_session_which_a_fork_may_leave_out() -> None:
    body = {"session": {"model": "m"}, "transport": SDP}
    assert live_offer(body, is_fork=False) == ("v=0", {"model": "m"})
    assert live_offer({"transport": SDP}, is_fork=True) == ("v=0", {})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"session": {}}, "transport"),
        ({"transport": SDP}, "session"),
        ({"session": {}, "transport": "webrtc"}, "transport"),
        ({"session": [], "transport": SDP}, "session"),
        ({"session": {}, "transport": {"type": "sip"}}, "transport.type"),
        ({"session": {}, "transport": {"type": "webrtc"}}, "transport.sdp"),
        ({"session": {}, "transport": {"type": "webrtc", "sdp": 1}}, "transport.sdp"),
        ({"session": {"audio": {"format": {}}}, "transport": SDP}, "session.audio.format"),
    ],
)
def test_a_body_of_another_shape_is_refused_by_its_parameter(body: dict[str, Any], param: str) -> None:
    with pytest.raises(ConfigRejected) as refused:
        live_offer(body, is_fork=False)
    assert refused.value.error.param == param


async def test_the_start_comes_before_the_client_s_messages_and_the_first_answer_is_seen() -> None:
    client, server = memory_pair()
    start = LiveStart(server, {"model": "m"})
    await client.send("later")
    assert json.loads(await start.receive()) == {"type": "session.start", "session": {"model": "m"}}
    assert await start.receive() == "later"
    asked = asyncio.ensure_future(start.session_id())
    await start.send('{"type":"session.started","event_id":"e","session":{"id":"live_1"}}')
    await start.send("more")
    assert await asyncio.wait_for(asked, 5) == "live_1"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"type":"error","event_id":"e","error":{"type":"t","code":"c","message":"m"}}', "c"),
        ('{"type":"error","error":{"message":"m"}}', None),
    ],
)
async def test_a_session_that_refuses_its_start_is_an_error(first: str, code: str | None) -> None:
    _, server = memory_pair()
    start = LiveStart(server, {})
    await start.send(first)
    with pytest.raises(ConfigRejected, match="m") as refused:
        await start.session_id()
    assert refused.value.error.code == code


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ('{"type":"error","event_id":"e","error":{"code":"upstream_unavailable","message":"m"}}', "no_upstream"),
        ('{"type":"news"}', "broken"),
    ],
)
async def test_what_no_session_says_first_is_a_rejection(first: str, name: str) -> None:
    _, server = memory_pair()
    start = LiveStart(server, {})
    await start.send(first)
    with pytest.raises(Rejection) as refused:
        await start.session_id()
    assert refused.value.name == name


async def test_a_session_that_ends_before_it_begins_is_a_rejection() -> None:
    _, server = memory_pair()
    start = LiveStart(server, {})
    asked = asyncio.ensure_future(start.session_id())
    await asyncio.sleep(0)
    await start.close()
    with pytest.raises(Rejection):
        await asyncio.wait_for(asked, 5)
