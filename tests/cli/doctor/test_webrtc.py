"""WebRTC, against servers that answer in each way."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from duologue.cli.doctor.step_result import StepResult
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import PeerSettings
from tests.cli.doctor._servers import KEY, examined, http_response, served

pytestmark = pytest.mark.usefixtures("idle_clock")

CREATED = '{"type":"session.created","event_id":"e","session":{}}'
CANDIDATE = "a=msid:s t\r\na=candidate:1 1 udp 1 192.168.1.7 40000 typ host\r\n"
LOCATION = {"Location": "/v1/realtime/calls/rtc_1"}


class CallServer:
    """Takes calls on peers in memory. What it answers is said by the test."""

    def __init__(
        self,
        *,
        status: str = "201 Created",
        headers: dict[str, str] | None = None,
        more: str = CANDIDATE,
        first: str | None = CREATED,
        preflight: bytes | None = None,
        body: str | None = None,
    ) -> None:
        self.stack = MemoryStack()
        self.requests: list[str] = []
        self._status, self._more, self._first, self._body = status, more, first, body
        self._headers = LOCATION if headers is None else headers
        self._preflight = preflight or http_response("405 Method Not Allowed")

    async def handle(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = head.split(" ", 2)
        self.requests.append(head)
        if method == "OPTIONS":
            writer.write(self._preflight)
        elif method != "POST":
            writer.write(http_response("404 Not Found"))
        elif path.endswith("/hangup"):
            writer.write(http_response("200 OK"))
        elif self._body is not None:
            writer.write(http_response(self._status, self._body, **self._headers))
        else:
            await self._create(head, reader, writer)

    async def _create(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = next(line for line in head.split("\r\n") if line.startswith("Content-Length")).partition(": ")[2]
        offer = (await reader.readexactly(int(length))).decode()
        self.requests[-1] += offer
        peer = self.stack.new_peer(PeerSettings())
        sdp = await peer.answer(offer[offer.index("v=0") :])
        writer.write(http_response(self._status, sdp + self._more, **self._headers))
        await writer.drain()
        writer.write_eof()
        if self._first is not None:
            await peer.send(self._first)


async def rows_of(server: CallServer, **options: Any) -> dict[str, StepResult]:
    async with served(server.handle) as port:
        rows = await examined(
            f"http://127.0.0.1:{port}/v1/realtime/calls", only=("webrtc",), load_stack=lambda: server.stack, **options
        )
    assert server.stack.n_open <= 1  # the doctor's end is closed
    return {step: row for step, row in rows.items() if step not in ("name", "tcp", "http", "health")}


async def test_a_call_that_connects() -> None:
    allowed = {
        "Access_Control_Allow_Origin": "*",
        "Access_Control_Allow_Headers": "authorization, content-type, x-openai-agents-sdk",
    }
    server = CallServer(preflight=http_response("204 No Content", **allowed))
    rows = await rows_of(server, api_key=KEY)
    assert {step: row.outcome for step, row in rows.items()} == dict.fromkeys(
        ("calls", "candidates", "udp", "page"), "ok"
    )
    assert "session.created came after" in rows["udp"].happened
    assert "192.168.1.7 (UDP 40000, a private network)" in rows["candidates"].happened
    assert [each.split(" ", 2)[1] for each in server.requests if each.startswith("POST")] == [
        "/v1/realtime/calls",
        "/v1/realtime/calls/rtc_1/hangup",
    ]
    assert f"Authorization: Bearer {KEY}" in server.requests[-2]


async def test_a_model_is_named_in_a_second_part() -> None:
    server = CallServer()
    await rows_of(server, model="m")
    (post,) = (each for each in server.requests if each.startswith("POST /v1/realtime/calls "))
    assert "multipart/form-data; boundary=" in post
    assert '{"type":"realtime","model":"m"}' in post


async def test_udp_that_is_blocked() -> None:
    rows = await rows_of(CallServer(first=None))
    assert rows["udp"].outcome == "failed"
    assert rows["udp"].happened == "no connection within 9 s"
    assert "--udp-ports" in rows["udp"].remedy


async def test_a_first_message_that_is_no_event() -> None:
    rows = await rows_of(CallServer(first="hello"))
    assert rows["udp"].outcome == "failed"


def refusing(status: str, message: str = "", code: str = "") -> CallServer:
    return CallServer(status=status, body=json.dumps({"error": {"message": message, "code": code}}))


NO_STREAM = "a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n"
JSON_ANSWER = CallServer(body="{}", headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("server", "outcome", "happened", "remedy"),
    [
        (CallServer(more=NO_STREAM), "note", "belongs to no stream", "a=msid"),
        (CallServer(headers={}), "note", "does not name the call", "Location"),
        (JSON_ANSWER, "failed", "application/json and no SDP", "application/sdp"),
        (refusing("404 Not Found"), "failed", "has no WebRTC here (HTTP 404)", "/v1/realtime/calls"),
        (refusing("501 Not Implemented", "pip install 'duologue[webrtc]'"), "failed", "HTTP 501", "at the server: pip"),
        (refusing("401 Unauthorized"), "failed", "HTTP 401", "check the key"),
        (refusing("415 Unsupported Media Type"), "failed", "HTTP 415", "application/sdp"),
        (refusing("429 Too Many Requests"), "failed", "HTTP 429", "wait"),
        (refusing("503 Service Unavailable", "all ports are taken"), "failed", "all ports are taken", "try again"),
        (refusing("400 Bad Request", "no", "invalid_offer"), "failed", "it says: no", "--model"),
    ],
)
async def test_what_the_server_answers(server: CallServer, outcome: str, happened: str, remedy: str) -> None:
    row = (await rows_of(server, api_key=KEY))["calls"]
    assert row.outcome == outcome
    assert happened in row.happened
    assert remedy in row.remedy


async def test_without_webrtc_at_a_url_that_does_not_ask_for_it_nothing_has_failed() -> None:
    server = CallServer(status="404 Not Found", body="")
    async with served(server.handle) as port:
        rows = await examined(f"http://127.0.0.1:{port}", only=("webrtc",))
    assert rows["calls"].outcome == "skipped"
    assert "page" not in rows


@pytest.mark.parametrize(("status", "outcome"), [("400 Bad Request", "ok"), ("401 Unauthorized", "failed")])
async def test_without_a_stack_the_server_is_asked_all_the_same(status: str, outcome: str) -> None:
    server = CallServer(status=status, body='{"error":{"code":"invalid_offer","message":"no"}}')
    async with served(server.handle) as port:
        rows = await examined(f"http://127.0.0.1:{port}", only=("webrtc",))
    assert rows["calls"].outcome == outcome
    assert rows["calls"].tried.endswith("with an empty offer")
    if outcome == "ok":
        assert "pip install 'duologue[webrtc]'" in rows["udp"].remedy


@pytest.mark.parametrize(
    ("headers", "outcome", "happened"),
    [
        ({}, "note", "may not call"),
        ({"Access_Control_Allow_Origin": "https://other.example"}, "note", "may not call"),
        ({"Access_Control_Allow_Origin": "https://app.example"}, "note", "headers authorization, content-type"),
        (
            {"Access_Control_Allow_Origin": "*", "Access_Control_Allow_Headers": "*"},
            "note",
            "headers authorization are",
        ),
    ],
)
async def test_what_a_page_is_told(headers: dict[str, str], outcome: str, happened: str) -> None:
    server = CallServer(preflight=http_response("200 OK", **headers))
    row = (await rows_of(server, origin="https://app.example"))["page"]
    assert row.outcome == outcome
    assert happened in row.happened
    assert "Origin: https://app.example" in server.requests[-1]


async def test_a_page_that_cannot_read_location() -> None:
    rows = await rows_of(CallServer(), origin="https://app.example")
    assert "pages cannot read Location" in rows["calls"].happened


async def test_the_key_follows_no_location_to_another_origin() -> None:
    server = CallServer(headers={"Location": "http://other.example/v1/realtime/calls/rtc_1"})
    assert (await rows_of(server, api_key=KEY))["udp"].outcome == "ok"
    assert not any("hangup" in each for each in server.requests)
