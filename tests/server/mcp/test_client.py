"""What an MCP server is asked, with which headers and over which connections; and what of its tools is taken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue.events import McpHttpError, McpToolExecutionError
from duologue.server.mcp import client as mcp_client
from duologue.server.mcp import connections as mcp_connections
from duologue.server.mcp import limits as mcp_limits
from duologue.server.mcp.servers import McpFault
from tests.repo._tree import ROOT
from tests.server._hostile import SAID, call, mcp_sessions, nothing_of, offer, says, text
from tests.server._raw_mcp_server import Answerer, as_json, raw_mcp_server, result

pytestmark = pytest.mark.timeout(30)

Json = dict[str, Any]

# --- lists of tools


def tool(name: str, **schema: Any) -> Json:
    return {"name": name, "inputSchema": {"type": "object", **schema}}


def page(tools: list[Json], cursor: str | None = None) -> Answerer:
    return says(lambda request: as_json(result(request, {"tools": tools, "nextCursor": cursor})))


@pytest.mark.parametrize(("cursor", "n_pages"), [(None, 1), ("", 1), ("more", 20)])
async def test_a_list_without_an_end_is_read_up_to_a_page(cursor: str | None, n_pages: int) -> None:
    async with raw_mcp_server(tools_list=page([tool("good")], cursor)) as it, mcp_sessions(it) as (mcp_session,):
        assert len(await mcp_session.list_tools(offer(it))) == n_pages
        assert it.wanted().count("tools/list") == n_pages


@pytest.mark.parametrize(
    ("answerer", "reason"),
    [
        (page([tool("good", title="x" * 100_000)], "more"), "its list of tools is larger than 1048576 bytes"),
        (page([tool("good")], "x" * 5_000), "a cursor is longer than 4096 characters"),
        (page([{"name": "good"}]), "a message is not the JSON that it should be"),
    ],
)
async def test_a_list_of_too_much_is_no_list(answerer: Answerer, reason: str) -> None:
    async with raw_mcp_server(tools_list=answerer) as it, mcp_sessions(it) as (mcp_session,):
        with pytest.raises(McpFault, match=reason):
            await mcp_session.list_tools(offer(it))


async def test_no_more_than_a_thousand_tools_are_taken() -> None:
    async with (
        raw_mcp_server(tools_list=page([tool(f"t{n}") for n in range(1_500)])) as it,
        mcp_sessions(it) as (mcp_session,),
    ):
        assert len(await mcp_session.list_tools(offer(it))) == 1_000


async def test_tools_that_cannot_be_used_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    deep: Json = {}
    for _ in range(100):
        deep = {"items": deep}
    marked = {"type": "string", "x-mcp-header": "Region"}
    tools = [
        tool("good"),
        tool(SAID, properties={"a": deep}),
        tool(SAID, properties={"a": {"type": "number", "x-mcp-header": "A"}}),
        tool(SAID, properties={"a": {"type": "string", "x-mcp-header": "A: B\r\n"}}),
        tool(SAID, properties={"a": marked, "b": marked}),
        tool(SAID, items={"properties": {"a": marked}}),
        tool("better", properties={"a": {"properties": {"b": marked}}, "c": {"default": marked}}),
    ]
    async with raw_mcp_server(tools_list=page(tools)) as it, mcp_sessions(it) as (mcp_session,):
        assert [listed.name for listed in await mcp_session.list_tools(offer(it))] == ["good", "better"]
    assert "MCP tool left out" in caplog.text
    assert SAID not in caplog.text


async def test_no_pattern_of_a_server_is_run() -> None:
    bomb = {"type": "string", "pattern": "^(a+)+$"}
    listed = tool("bad", properties={"a": bomb}) | {"outputSchema": {"type": "object", "properties": {"a": bomb}}}
    trap = says(lambda request: as_json(result(request, {"structuredContent": {"a": "a" * 40 + "b"}})))
    async with raw_mcp_server(tools_list=page([listed]), bad=trap) as it, mcp_sessions(it) as (mcp_session,):
        server = offer(it)
        await mcp_session.list_tools(server)
        assert await mcp_session.call(call(server, "bad", '{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}')) == (
            '{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}'
        )


async def test_arguments_that_a_server_wants_as_headers_come_as_headers_too() -> None:
    marks = {"region": {"type": "string", "x-mcp-header": "Region"}, "on": {"type": "boolean", "x-mcp-header": "On"}}
    answerer = says(lambda request: as_json(text(request, "ok")))
    async with (
        raw_mcp_server(tools_list=page([tool("bad", properties=marks)]), bad=answerer) as it,
        mcp_sessions(it) as (mcp_session,),
    ):
        server = offer(it)
        await mcp_session.list_tools(server)
        await mcp_session.call(call(server, "bad", '{"region":"Zürich","on":true,"other":1}'))
        headers = it.requests[-1].headers
        assert {name: value for name, value in headers.items() if name.startswith("mcp-")} == {
            "mcp-method": "tools/call",
            "mcp-name": "bad",
            "mcp-param-region": "=?base64?WsO8cmljaA==?=",
            "mcp-param-on": "true",
            "mcp-protocol-version": "2026-07-28",
        }


# --- arguments and headers of a session


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("[" * 5_000, "the arguments are no JSON object"),
        ('{"a":' + "[" * 100 + "]" * 100 + "}", "it nests deeper than 64"),
        ('{"a":"' + "x" * 100_000 + '"}', "the arguments are 100008 characters, and 100000 are the most"),
    ],
)
async def test_arguments_that_cannot_be_sent_fail_their_call_alone(arguments: str, reason: str) -> None:
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        with pytest.raises(McpFault, match=reason) as failed:
            await mcp_session.call(call(offer(it), "good", arguments))
        assert isinstance(failed.value.error, McpToolExecutionError)
        assert await mcp_session.call(call(offer(it), "good")) == "as asked"


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X:Y": "a"}, {"X": "ü"}, {f"X{n}": "" for n in range(65)}, {"X": "a" * 9_000}],
    ids=["two", "no name", "no ASCII", "many", "long"],
)
async def test_headers_that_are_none_are_not_sent(headers: dict[str, str]) -> None:
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        with pytest.raises(McpFault, match="header"):
            await mcp_session.call(call(offer(it, headers=headers), "good"))
        assert it.requests == []


async def test_a_session_does_not_say_how_http_is_spoken() -> None:
    headers = {"Accept-Encoding": "gzip", "Mcp-Session-Id": "x", "Mcp-Param-A": "x", "Accept": "*/*", "X-Mine": "1"}
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        await mcp_session.call(call(offer(it, headers=headers), "good"))
        sent = it.requests[-1].headers
        assert (sent["accept-encoding"], sent["accept"]) == ("identity", "application/json, text/event-stream")
        assert sent["x-mine"] == "1"
        assert not {"mcp-session-id", "mcp-param-a"} & set(sent)


# --- connections


async def test_connections_of_the_process_are_bounded_and_come_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_connections, "MAX_CONNECTIONS", 2)
    async with raw_mcp_server() as it, mcp_sessions(it, 3) as (one, other, third):
        server = offer(it)
        waiting = [asyncio.create_task(mcp_session.call(call(server, "late"))) for mcp_session in (one, other)]
        await nothing_of(lambda: int(it.wanted().count("late") < 2))
        with pytest.raises(McpFault, match="no room for more") as failed:
            await third.call(call(server, "good"))
        assert isinstance(failed.value.error, McpHttpError)
        assert failed.value.error.code == 503
        it.answers.set()
        await asyncio.gather(*waiting)
        one.close()
        await nothing_of(lambda: int(it.n_open > 1))
        assert await third.call(call(server, "good")) == "as asked"


async def test_connections_of_a_session_are_bounded_and_calls_beyond_them_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_connections, "MAX_SESSION_CONNECTIONS", 2)
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        server = offer(it)
        waiting = [asyncio.create_task(mcp_session.call(call(server, "late"))) for _ in range(5)]
        await nothing_of(lambda: int(it.wanted().count("late") < 2))
        assert it.n_open == 2
        it.answers.set()
        assert await asyncio.gather(*waiting) == ["as asked"] * 5
        assert it.n_open <= 2


async def test_a_connection_without_use_is_closed_before_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        server = offer(it)
        await mcp_session.call(call(server, "good"))
        assert it.n_open == 1
        monkeypatch.setattr(mcp_connections, "CLOSE_IDLE_S", 0.01)
        await mcp_session.call(call(server, "good"))
        await nothing_of(lambda: it.n_open)
        assert await mcp_session.call(call(server, "good")) == "as asked"


async def test_a_server_that_is_described_anew_again_and_again_is_forgotten() -> None:
    async with raw_mcp_server(keeps_sessions=True) as it, mcp_sessions(it) as (mcp_session,):
        for n in range(20):
            await mcp_session.call(call(offer(it, headers={"X": str(n)}), "good"))
        await nothing_of(lambda: int(it.wanted().count("DELETE") < 4))


async def test_the_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        assert await mcp_session.call(call(offer(it), "good")) == "as asked"


async def test_a_fault_of_ours_ends_the_question_and_its_words_are_in_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError(SAID)

    monkeypatch.setattr(mcp_client, "messages_in", break_down)
    async with raw_mcp_server() as it, mcp_sessions(it) as (mcp_session,):
        with pytest.raises(McpFault, match=r"it cannot be talked to \(RuntimeError\)"):
            await mcp_session.call(call(offer(it), "good"))
    assert "MCP client broke" in caplog.text
    assert SAID not in caplog.text


# --- what the documents say


BOUNDS = {
    "16 servers": mcp_limits.MAX_SERVERS,
    "16 connections at a time": mcp_limits.MAX_SESSION_CONNECTIONS,
    "2 of them without use": mcp_limits.MAX_IDLE_CONNECTIONS,
    "256 connections to MCP servers": mcp_limits.MAX_CONNECTIONS,
    "64 sessions of theirs being left": mcp_limits.MAX_FAREWELLS,
    "1 s each": mcp_limits.FAREWELL_S,
    "5 s for its name": mcp_limits.CONNECT_S,
    "15 s without use": mcp_limits.CLOSE_IDLE_S,
    "2 MiB of content": mcp_limits.MAX_ANSWER_BYTES / 2**20,
    "64 KiB of headers": mcp_limits.MAX_HEAD_BYTES / 2**10,
    "4 MiB with framing": mcp_limits.MAX_WIRE_BYTES / 2**20,
    "5,000 reads": mcp_limits.MAX_READS,
    "5,000 pieces": mcp_limits.MAX_PIECES,
    "1,000 events": mcp_limits.MAX_EVENTS,
    "20,000 lines": mcp_limits.MAX_LINES,
    "16 requests of the server's own": mcp_limits.MAX_REPLIES,
    "1 MiB, 20,000 values": mcp_limits.MAX_MESSAGE_BYTES / 2**20,
    "20,000 values": mcp_limits.MAX_VALUES,
    "64 levels": mcp_limits.MAX_DEPTH,
    "20 pages": mcp_limits.MAX_PAGES,
    "1 MiB, 1,000 tools": mcp_limits.MAX_LIST_BYTES / 2**20,
    "1,000 tools": mcp_limits.MAX_TOOLS,
    "100,000 characters of arguments": mcp_limits.MAX_ARGUMENT_CHARACTERS,
    "1,000 of an error": mcp_limits.MAX_ERROR_CHARACTERS,
    "64 headers": mcp_limits.MAX_HEADERS,
    "8,192 characters": mcp_limits.MAX_HEADER_CHARACTERS,
}


@pytest.mark.parametrize("words", BOUNDS)
def test_the_documents_tell_the_bounds_as_they_are(words: str) -> None:
    assert words in (ROOT / "docs" / "howto" / "tools.md").read_text(encoding="utf-8")
    assert float(words.split(" ")[0].replace(",", "")) == BOUNDS[words]
