"""A network's HTTP interface as a stand-in on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from duologue.audio.formats import PCMU
from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.telephony import TwilioControl
from duologue.telephony.control.control_client import carry_out
from duologue.telephony.leg_events import CallStarted

_CALL = CallStarted(call_id="CA1", encoding=PCMU)


class Network:
    """Answers each request with the next answer, and keeps what was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)
        self.url = ""

    @property
    def control(self) -> TwilioControl:
        return TwilioControl(account_sid="AC1", auth_token="the-token", base_url=self.url)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        self.requests.append(head + await reader.readexactly(length))
        if self._answers:
            status, body = self._answers.pop(0)
            writer.write(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))
            await writer.drain()
            writer.close()


@asynccontextmanager
async def network(*answers: tuple[int, bytes]) -> AsyncGenerator[Network, None]:
    """The stand-in, with these answers; without any more it is silent."""
    each = Network(*answers)
    server = await asyncio.start_server(each, "127.0.0.1", 0)
    each.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield each
    finally:
        server.close()


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
