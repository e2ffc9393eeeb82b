"""MCP servers that mean harm: what they cost is bounded, and ends the question that was asked and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import logging
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from duologue.events import McpHttpError, McpProtocolError
from duologue.server.mcp.servers import McpFault
from tests.server._hostile import (
    CHUNKED,
    PING,
    PROGRESS,
    SAID,
    asking,
    call,
    endlessly,
    mcp_sessions,
    nested,
    nothing_of,
    offer,
    says,
    silent_after,
    text,
    written,
)
from tests.server._raw_mcp_server import (
    Answerer,
    Request,
    Writer,
    as_event,
    as_json,
    event_stream,
    raw_mcp_server,
    result,
)

pytestmark = pytest.mark.timeout(30)

Json = dict[str, Any]

USELESS: Mapping[str, tuple[Answerer, str]] = {
    "a compressed answer": (
        says(lambda request: as_json(gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip")),
        "it is compressed, which was not asked for",
    ),
    "JSON without an end": (endlessly(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"), "it is larger than 1048576 bytes"),
    "JSON in single bytes": (endlessly(CHUNKED, b"1\r\n \r\n" * 500), "it comes in more than 5000 pieces"),
    "events without an end": (endlessly(event_stream(), PROGRESS), "more than 1000 events"),
    "an event without an end": (
        endlessly(event_stream(b"data: "), b"x" * 4096),
        "a message is larger than 1048576 bytes",
    ),
    "comments without an end": (endlessly(event_stream(), b": x\n" * 1000), "more than 20000 lines"),
    "long comments without an end": (
        endlessly(event_stream(), b": " + b"x" * 4_000 + b"\n"),
        "it is larger than 2097152 bytes",
    ),
    "lines without an end": (endlessly(event_stream(), b"data: x\n" * 500), "more than 20000 lines"),
    "questions without an end": (endlessly(event_stream(), PING), "more than 1000 events"),
    "a stream to take up again": (
        says(lambda _: event_stream(b"id: 1\nretry: 0\ndata:\n\n")),
        "it does not answer the request",
    ),
    "another request's answer": (
        says(lambda request: as_json(result(request, {}) | {"id": 1_000_000})),
        "it does not answer the request",
    ),
    "other requests' answers": (
        says(
            lambda request: event_stream(*(as_event(result(request, {}) | {"id": wrong}) for wrong in ("1", None, 0)))
        ),
        "it does not answer the request",
    ),
    "neither a result nor an error": (
        says(lambda request: as_json({"jsonrpc": "2.0", "id": request.body["id"]})),
        "it holds neither a result nor an error",
    ),
    "a page for people": (
        says(lambda _: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"),
        "it is neither JSON nor a stream of events",
    ),
    "no JSON": (says(lambda _: as_json(b"{" + SAID.encode())), "a message is not the JSON that it should be"),
    "half a character": (
        says(lambda request: as_json(text(request, "\ud800"))),
        "a message is not the JSON that it should be",
    ),
    "a result of another kind": (
        says(lambda request: as_json(result(request, {"content": 5}))),
        "a message is not the JSON that it should be",
    ),
    "JSON that nests too deep to be sent on": (
        says(lambda request: as_json(written(request, b'{"structuredContent":' + nested(100) + b"}"))),
        "it nests deeper than 64",
    ),
    "JSON that nests too deep to be read": (
        says(lambda request: as_json(written(request, b'{"content":[],"_meta":' + nested(100_000) + b"}"))),
        "a message holds more than 20000 values",
    ),
    "many small values": (
        says(lambda request: as_json(written(request, b'{"content":[' + b"{}," * 40_000 + b"{}]}"))),
        "a message holds more than 20000 values",
    ),
    "a wish for more": (
        says(lambda request: as_json(result(request, {"resultType": "input_required", "inputRequests": {}}))),
        "the tool asks for more than its arguments, which this server does not give",
    ),
    "interim answers without an end": (
        endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
        "it takes more than 65536 bytes of HTTP",
    ),
    "an end in the middle": (
        says(lambda request: as_json(text(request, "x"))[:-2]),
        "it cannot be talked to (RemoteProtocolError)",
    ),
    "an end in the middle of events": (
        says(lambda _: event_stream(PROGRESS, b"data: {")),
        "it does not answer the request",
    ),
    "an end at once": (says(lambda _: b""), "it cannot be talked to (RemoteProtocolError)"),
    "no HTTP": (says(lambda _: SAID.encode() * 10), "it cannot be talked to (RemoteProtocolError)"),
    "headers without an end": (
        endlessly(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 1000 + b"\r\n"),
        "it takes more than 65536 bytes of HTTP",
    ),
}


@pytest.mark.parametrize("how", USELESS)
async def test_an_answer_of_no_use_ends_its_question_and_no_other(how: str, caplog: pytest.LogCaptureFixture) -> None:
    answerer, reason = USELESS[how]
    caplog.set_level(logging.DEBUG, logger="duologue")
    async with raw_mcp_server(bad=answerer) as it, mcp_sessions(it, 2) as (mcp_session, neighbour):
        server = offer(it)
        late = asyncio.create_task(mcp_session.call(call(server, "late")))
        with pytest.raises(McpFault) as failed:
            await mcp_session.call(call(server, "bad"))
        assert isinstance(failed.value.error, McpHttpError)
        assert failed.value.error.code == 502
        assert (failed.value.error.message or "").removeprefix("its answer cannot be used: ") == reason
        assert await neighbour.call(call(server, "good")) == "as asked"
        it.answers.set()
        assert await late == "as asked"
    assert SAID not in caplog.text


async def test_what_nests_deep_in_a_field_that_is_not_read_ends_its_question_or_is_skipped() -> None:
    deep = says(lambda request: as_json(written(request, b'{"content":[],"_meta":' + nested(15_000) + b"}")))
    async with raw_mcp_server(bad=deep) as it, mcp_sessions(it, 2) as (mcp_session, neighbour):
        server = offer(it)
        if sys.version_info >= (3, 14):  # which follows as deep as the thread's stack is
            assert await mcp_session.call(call(server, "bad")) == "[]"
        else:
            with pytest.raises(McpFault, match="a message is not the JSON that it should be"):
                await mcp_session.call(call(server, "bad"))
        assert await neighbour.call(call(server, "good")) == "as asked"


def status(status: str, *headers: str) -> Answerer:
    return says(lambda _: as_json({"said": SAID}, *headers, status=status))


STATUSES: Mapping[str, tuple[Answerer, int, str]] = {
    "a fault": (status("500 Internal Server Error"), 500, "Internal Server Error"),
    "a fault in its own words": (status(f"500 {SAID}"), 500, "Internal Server Error"),
    "a status of its own": (status(f"599 {SAID}"), 599, "no success"),
    "no permission": (status("403 Forbidden"), 403, "Forbidden"),
    "the way to another path": (
        status("307 Temporary Redirect", "Location: /private"),
        307,
        "it redirects to another address, which is not followed",
    ),
    "the way to another server": (
        status("308 Permanent Redirect", "Location: http://127.0.0.1:1/mcp"),
        308,
        "it redirects to another address, which is not followed",
    ),
    "the way to nowhere": (
        status("307 Temporary Redirect", "Location: http://[/"),
        307,
        "it redirects to another address, which is not followed",
    ),
    "the way to itself": (
        status("307 Temporary Redirect", "Location: /mcp/"),
        307,
        "it redirects to another address, which is not followed",
    ),
}


@pytest.mark.parametrize("how", STATUSES)
async def test_a_status_is_reported_in_the_words_of_http(how: str, caplog: pytest.LogCaptureFixture) -> None:
    answerer, code, message = STATUSES[how]
    async with asking(bad=answerer) as (it, mcp_session):
        server = offer(it, authorization="sesame")
        late = asyncio.create_task(mcp_session.call(call(server, "late")))
        with pytest.raises(McpFault) as failed:
            await mcp_session.call(call(server, "bad"))
        assert failed.value.error == McpHttpError(code=code, message=message)
        it.answers.set()
        assert await late == "as asked"
        assert {request.path for request in it.requests} <= {"/mcp", "/mcp/"}
    assert SAID not in caplog.text


async def test_a_path_that_wants_its_slash_gets_it_and_keeps_it() -> None:
    async def insist(request: Request, writer: Writer) -> None:
        if request.path == "/mcp":
            writer.write(as_json({}, "Location: /mcp/", status="307 Temporary Redirect"))
        else:
            writer.write(as_json(result(request, {"supportedVersions": ["2026-07-28"]})))

    async with asking(server_discover=insist) as (it, mcp_session):
        assert await mcp_session.call(call(offer(it), "good")) == "as asked"
        assert [request.path for request in it.requests] == ["/mcp", "/mcp/", "/mcp/"]


async def test_an_error_of_the_server_is_cut_and_stays_out_of_what_a_log_may_hold() -> None:
    error = {"code": -32000, "message": SAID * 1000}
    answerer = says(lambda request: as_json({"jsonrpc": "2.0", "id": request.body["id"], "error": error}))
    async with asking(bad=answerer) as (it, mcp_session):
        with pytest.raises(McpFault) as failed:
            await mcp_session.call(call(offer(it), "bad"))
        assert isinstance(failed.value.error, McpProtocolError)
        assert failed.value.error.code == -32000
        assert len(failed.value.error.message or "") == 1004
        assert SAID not in failed.value.unquoted


async def drip(request: Request, writer: Writer) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX: " + b"x" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.005)


SILENT: Mapping[str, Answerer] = {
    "silent": silent_after(b""),
    "silent after its headers": silent_after(CHUNKED),
    "silent in a stream": silent_after(event_stream(PROGRESS)),
    "one byte at a time": drip,
}


@pytest.mark.parametrize("how", SILENT)
@pytest.mark.parametrize("keeps_sessions", [False, True])
async def test_a_call_that_takes_too_long_leaves_nothing(how: str, keeps_sessions: bool) -> None:
    async with asking(keeps_sessions=keeps_sessions, bad=SILENT[how], timeout_s=0.5) as (it, mcp_session):
        server = offer(it)
        with pytest.raises(McpFault) as failed:
            await mcp_session.call(call(server, "bad"))
        assert failed.value.error == McpHttpError(code=504, message="it did not answer within 0.5 s")
        assert await mcp_session.call(call(server, "good")) == "as asked"
        await nothing_of(lambda: int(it.n_open > 2))  # idle ones
        if keeps_sessions:
            await nothing_of(lambda: int("notifications/cancelled" not in it.wanted()))


async def test_a_call_that_is_cancelled_leaves_nothing() -> None:
    async with asking(bad=silent_after(b"")) as (it, mcp_session):
        waiting = asyncio.create_task(mcp_session.call(call(offer(it), "bad")))
        await nothing_of(lambda: int("bad" not in it.wanted()))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await nothing_of(lambda: int(it.n_open > 2))


async def test_a_server_that_does_not_let_a_session_go_delays_nothing() -> None:
    async with asking(keeps_sessions=True, DELETE=silent_after(b"")) as (it, mcp_session):
        assert await mcp_session.call(call(offer(it), "good")) == "as asked"
        mcp_session.close()
        await nothing_of(lambda: int("DELETE" not in it.wanted()))
        # That nothing is left after a moment, `mcp_sessions` sees.


async def test_a_session_that_is_gone_over_there_is_begun_anew_once() -> None:
    async def gone(request: Request, writer: Writer) -> None:
        missing = request.headers["mcp-session-id"] == "s1"
        writer.write(as_json({}, status="404 Not Found") if missing else as_json(text(request, "again")))

    async with asking(keeps_sessions=True, bad=gone) as (it, mcp_session):
        server = offer(it)
        first, second = await asyncio.gather(
            mcp_session.call(call(server, "bad")), mcp_session.call(call(server, "bad"))
        )
        assert (first, second) == ("again", "again")
        assert it.wanted().count("initialize") == 2


async def test_a_session_that_is_gone_whenever_it_is_begun_is_given_up() -> None:
    async with asking(keeps_sessions=True, bad=status("404 Not Found")) as (it, mcp_session):
        with pytest.raises(McpFault) as failed:
            await mcp_session.call(call(offer(it), "bad"))
        assert failed.value.error == McpHttpError(code=404, message="Not Found")
        assert it.wanted().count("initialize") == 2


async def test_an_older_server_s_ping_is_answered_and_other_wishes_are_refused() -> None:
    answers: list[Json] = []
    reported = asyncio.Event()

    async def hear(request: Request, writer: Writer) -> None:
        answers.append(request.body)
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        if len(answers) == 2:
            reported.set()

    async def ask(request: Request, writer: Writer) -> None:
        wish = {"jsonrpc": "2.0", "method": "sampling/createMessage", "id": "w", "params": {}}
        writer.write(event_stream(PING, as_event(wish)))
        await writer.drain()
        await reported.wait()
        writer.write(as_event(text(request, "done")))
        await writer.drain()
        writer.close()

    async with asking(keeps_sessions=True, POST=hear, bad=ask) as (it, mcp_session):
        assert await mcp_session.call(call(offer(it), "bad")) == "done"
        invalid = {"code": -32601, "message": "Method not found"}
        assert answers == [
            {"jsonrpc": "2.0", "id": 7, "result": {}},
            {"jsonrpc": "2.0", "id": "w", "error": invalid},
        ]


async def test_an_older_server_that_asks_without_an_end_is_given_up() -> None:
    async with asking(keeps_sessions=True, bad=endlessly(event_stream(), PING)) as (it, mcp_session):
        with pytest.raises(McpFault, match="more than 16 requests of its own"):
            await mcp_session.call(call(offer(it), "bad"))
        assert it.wanted().count("POST") == 16
