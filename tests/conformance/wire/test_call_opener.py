"""Calls are created, joined and asked about."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from duologue.client.endpoint import Endpoint
from duologue.conformance import CallOpener, ConnectOptions, NotApplicable
from duologue.conformance.wire.call_opener import form
from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import PeerSettings
from tests.cli.doctor._servers import http_response, served
from tests.conformance._calls import KEY, calling

pytestmark = pytest.mark.usefixtures("idle_clock")


async def test_a_call_is_created_and_named() -> None:
    async with calling() as opener:
        opened = await opener.open(ConnectOptions())
        assert opened.answer.status == 201
        assert opened.call.call_id is not None
        assert opened.call.url == f"{opener.url}/{opened.call.call_id}"
        assert "session.created" in str(await opened.call.receive())
        await opened.call.close()


async def test_a_wrong_key_is_refused_and_not_shown() -> None:
    async with calling() as opener:
        with pytest.raises(AuthenticationFailed) as fault:
            await opener(ConnectOptions(api_key="sk-conform-is-no-key"))
    assert "sk-conform" not in str(fault.value)


async def test_the_beta_is_not_tried() -> None:
    with pytest.raises(NotApplicable):
        await CallOpener("http://127.0.0.1:1/v1/realtime/calls", stack=MemoryStack()).open(ConnectOptions(beta=True))


class _Server:
    """Answers every POST with this; keeps the requests."""

    def __init__(self, status: str = "201 Created", sdp: str | None = None, **headers: str) -> None:
        self.stack = MemoryStack()
        self.requests: list[str] = []
        self._status, self._sdp, self._headers = status, sdp, headers

    async def handle(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = next(line for line in head.split("\r\n") if line.startswith("Content-Length")).partition(": ")[2]
        body = (await reader.readexactly(int(length))).decode()
        self.requests.append(head + body)
        sdp = self._sdp
        if sdp is None:
            sdp = await self.stack.new_peer(PeerSettings()).answer(body[body.index("v=0") :])
        writer.write(http_response(self._status, sdp, **self._headers))


@pytest.mark.parametrize(
    ("location", "call_id"),
    [
        ("/v1/realtime/calls/rtc_1", "rtc_1"),
        ("https://other.example/v1/realtime/calls/rtc_1", None),
        ("/" + "x" * 300, None),
        ("//[", None),
        ("", None),
    ],
)
async def test_only_a_location_of_this_server_names_a_call(location: str, call_id: str | None) -> None:
    server = _Server(Location=location)
    async with served(server.handle) as port:
        opened = await CallOpener(f"http://127.0.0.1:{port}/v1/realtime/calls", stack=server.stack).open(
            ConnectOptions()
        )
        await opened.call.close()
    assert opened.call.call_id == call_id


async def test_what_is_special_about_a_connection_is_in_the_form() -> None:
    server = _Server()
    async with served(server.handle) as port:
        place = Endpoint(url=f"http://127.0.0.1:{port}/v1/realtime/calls", model="m", api_key="right")
        opener = CallOpener(place, stack=server.stack)
        for options in (ConnectOptions(), ConnectOptions(model="other"), ConnectOptions(intent="transcription")):
            await (await opener(options)).close()
        await CallOpener(replace(place, model=None), stack=server.stack)(ConnectOptions())
    named, other, transcription, bare = server.requests
    assert "Authorization: Bearer right" in named
    assert '{"type":"realtime","model":"m"}' in named
    assert '{"type":"realtime","model":"other"}' in other
    assert '"type":"transcription"' in transcription
    assert "Content-Type: application/sdp\r\n" in bare


async def test_an_answer_that_is_no_sdp_opens_nothing_and_leaves_no_peer() -> None:
    server = _Server(sdp="hello")
    async with served(server.handle) as port:
        opener = CallOpener(f"http://127.0.0.1:{port}/v1/realtime/calls", stack=server.stack)
        with pytest.raises(ConnectFailed, match="cannot be used"):
            await opener(ConnectOptions())
    assert server.stack.n_open == 0


async def test_a_call_over_which_nothing_comes_is_told_with_what_to_do() -> None:
    server = _Server()
    async with served(server.handle) as port:
        opener = CallOpener(f"http://127.0.0.1:{port}/v1/realtime/calls", stack=server.stack)
        with pytest.raises(ConnectFailed, match=r"UDP may be blocked\. duologue doctor http://127"):
            await opener.reach(3)


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    async def silent(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(silent) as port:
        opener = CallOpener(f"http://127.0.0.1:{port}/v1/realtime/calls", stack=MemoryStack())
        with pytest.raises(ConnectFailed, match="did not answer within 10 s"):
            await opener.ask("OPTIONS", {})


async def test_a_sideband_is_a_websocket_with_the_key() -> None:
    async with calling() as opener:
        opened = await opener.open(ConnectOptions())
        await opened.call.receive()
        sideband = await opener.join(str(opened.call.call_id))
        assert "session.created" in str(await sideband.receive())
        await sideband.close()
        await opened.call.close()
        with pytest.raises(ConnectFailed) as fault:
            await opener.join("rtc_unknown")
        assert fault.value.status == 404
        assert KEY not in str(fault.value)


def test_a_form_has_parts_with_content_types_or_without() -> None:
    kind, body = form({"sdp": ("application/sdp", "v=0"), "session": (None, "{}")})
    boundary = kind.partition("boundary=")[2]
    assert body.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="sdp"\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="session"\r\n\r\n{{}}\r\n--{boundary}--\r\n'
    )
