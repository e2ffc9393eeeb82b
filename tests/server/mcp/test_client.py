"""What an MCP server is asked, with which headers and over which connections; and what of its tools is taken."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from duologue.events import McpToolExecutionError
from duologue.server.mcp import client as mcp_client
from duologue.server.mcp.servers import McpFault
from tests.server._hostile import SAID, asking, call, mcp_sessions, offer, says, text
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
    async with asking(tools_list=page([tool("good")], cursor)) as (it, mcp_session):
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
    async with asking(tools_list=answerer) as (it, mcp_session):
        with pytest.raises(McpFault, match=reason):
            await mcp_session.list_tools(offer(it))


async def test_no_more_than_a_thousand_tools_are_taken() -> None:
    async with asking(tools_list=page([tool(f"t{n}") for n in range(1_500)])) as (it, mcp_session):
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
    async with asking(tools_list=page(tools)) as (it, mcp_session):
        assert [listed.name for listed in await mcp_session.list_tools(offer(it))] == ["good", "better"]
    assert "MCP tool left out" in caplog.text
    assert SAID not in caplog.text


async def test_no_pattern_of_a_server_is_run() -> None:
    bomb = {"type": "string", "pattern": "^(a+)+$"}
    listed = tool("bad", properties={"a": bomb}) | {"outputSchema": {"type": "object", "properties": {"a": bomb}}}
    trap = says(lambda request: as_json(result(request, {"structuredContent": {"a": "a" * 40 + "b"}})))
    async with asking(tools_list=page([listed]), bad=trap) as (it, mcp_session):
        server = offer(it)
        await mcp_session.list_tools(server)
        assert await mcp_session.call(call(server, "bad", '{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}')) == (
            '{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}'
        )


async def test_arguments_that_a_server_wants_as_headers_come_as_headers_too() -> None:
    marks = {"region": {"type": "string", "x-mcp-header": "Region"}, "on": {"type": "boolean", "x-mcp-header": "On"}}
    answerer = says(lambda request: as_json(text(request, "ok")))
    async with asking(tools_list=page([tool("bad", properties=marks)]), bad=answerer) as (it, mcp_session):
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


# --- arguments and faults


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("[" * 5_000, "the arguments are no JSON object"),
        ('{"a":' + "[" * 100 + "]" * 100 + "}", "it nests deeper than 64"),
        ('{"a":"' + "x" * 100_000 + '"}', "the arguments are 100008 characters, and 100000 are the most"),
    ],
)
async def test_arguments_that_cannot_be_sent_fail_their_call_alone(arguments: str, reason: str) -> None:
    async with asking() as (it, mcp_session):
        with pytest.raises(McpFault, match=reason) as failed:
            await mcp_session.call(call(offer(it), "good", arguments))
        assert isinstance(failed.value.error, McpToolExecutionError)
        assert await mcp_session.call(call(offer(it), "good")) == "as asked"


async def test_a_fault_of_ours_ends_the_question_and_its_words_are_in_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError(SAID)

    monkeypatch.setattr(mcp_client, "messages_in", break_down)
    async with asking() as (it, mcp_session):
        with pytest.raises(McpFault, match=r"it cannot be talked to \(RuntimeError\)"):
            await mcp_session.call(call(offer(it), "good"))
    assert "MCP client broke" in caplog.text
    assert SAID not in caplog.text


async def test_sessions_open_no_stream_of_a_server_s_own_messages_and_share_one_tls_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[ssl.SSLContext] = []
    make = ssl.create_default_context

    def count(*arguments: Any, **settings: Any) -> ssl.SSLContext:
        made.append(make(*arguments, **settings))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", count)
    for keeps_sessions in (False, True):
        made.clear()
        async with raw_mcp_server(keeps_sessions=keeps_sessions) as it, mcp_sessions(it, 3) as three:
            for mcp_session in three:
                await mcp_session.list_tools(offer(it))
                await mcp_session.call(call(offer(it), "good"))
            assert "GET" not in {request.method for request in it.requests}
        assert len(made) == 1
