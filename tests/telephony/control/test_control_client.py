"""What is asked of a network over HTTP, and what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCMU
from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.telephony.codecs.leg_events import CallStarted
from duologue.telephony.control.control_client import carry_out
from tests.telephony.control._network import network

_CALL = CallStarted(call_id="CA1", encoding=PCMU)


async def test_a_request_is_sent_as_it_stands_in_the_table() -> None:
    async with network((200, b"{}"), (204, b"")) as net:
        request = net.control.transfer(_CALL, "+15551230042")
        assert await carry_out(net.control, request)
        assert await carry_out(net.control, request)
    assert net.requests[0].startswith(b"POST /2010-04-01/Accounts/AC1/Calls/CA1.json HTTP/1.1\r\n")
    assert b"Authorization: Basic QUMxOnRoZS10b2tlbg==\r\n" in net.requests[0]
    assert net.requests[0].endswith(b"\r\n\r\n" + request.body)


async def test_a_call_that_is_over_is_no_error() -> None:
    async with network((404, b'{"code":20404}')) as net:
        assert not await carry_out(net.control, net.control.transfer(_CALL, "+15551230042"))


async def test_a_key_that_is_not_accepted_is_said_so_without_it() -> None:
    async with network((401, b'{"code":20003,"message":"the-token is wrong"}')) as net:
        with pytest.raises(AuthenticationFailed, match="id and key") as raised:
            await carry_out(net.control, net.control.transfer(_CALL, "+15551230042"))
    assert "the-token" not in str(raised.value)
    assert "is wrong" in str(raised.value)
    assert not raised.value.retryable


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (429, True), (503, True), (302, False)])
async def test_another_refusal_has_the_networks_words(status: int, retryable: bool) -> None:
    async with network((status, b'{"message":"Dial is not\\u001b allowed"}')) as net:
        with pytest.raises(ConnectFailed, match="Dial is not") as raised:
            await carry_out(net.control, net.control.transfer(_CALL, "+15551230042"))
    assert (raised.value.status, raised.value.retryable) == (status, retryable)
    assert "\x1b" not in str(raised.value)


async def test_a_network_that_is_silent_is_given_up_after_five_seconds(idle_clock: Any) -> None:
    async with network() as net:
        with pytest.raises(ConnectFailed, match="within 5 s"):
            await carry_out(net.control, net.control.transfer(_CALL, "+15551230042"))


async def test_a_network_that_is_not_there_is_said_so() -> None:
    async with network() as net:
        control = net.control
    with pytest.raises(ConnectFailed, match="refuse"):
        await carry_out(control, control.transfer(_CALL, "+15551230042"))
