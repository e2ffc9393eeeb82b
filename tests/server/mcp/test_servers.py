"""Tools of MCP servers: a real one on the loopback, and a session of ours in front of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

import duologue
from duologue import connect
from duologue.client import Connection
from duologue.engines.base import FunctionCall
from duologue.engines.embedded.responder import EmbeddedResponder
from duologue.events import (
    ConversationItemDeleteEvent,
    McpListToolsCompletedEvent,
    McpServerTool,
    RealtimeSessionConfig,
    ResponseMcpCallInProgressEvent,
)
from duologue.server import Limits, McpAccess, RealtimeApp
from duologue.testing import scripted_app_engines, scripted_engines
from tests.server._hostile import silent_after
from tests.server._listening import listening, scripted_app
from tests.server._raw_mcp_server import raw_mcp_server
from tests.server._talking import event, status, typed, until, update
from tests.server._tool_server import tool_server

pytestmark = pytest.mark.timeout(30)

Json = dict[str, Any]


@asynccontextmanager
async def session(
    mcp: McpAccess | None,
    tool: Json,
    *,
    says: Sequence[str | FunctionCall] = (),
    limits: Limits | None = None,
    **settings: Any,
) -> AsyncGenerator[Connection, None]:
    """A session that offers the tool: with the embedded responder, or one that says this."""
    engines = scripted_engines(responses=says or ("?",))
    if not says:
        engines = replace(engines, responder=EmbeddedResponder())
    application = scripted_app(engines, mcp=mcp, limits=limits)
    async with listening(application) as url, connect(url) as connection:
        await connection.send(update(tools=[tool], output_modalities=["text"], **settings))
        await until(connection, "session.updated")
        yield connection


def offer(url: str, **fields: Any) -> Json:
    return {"type": "mcp", "server_label": "shop", "server_url": url, "require_approval": "never", **fields}


def call(name: str, **arguments: Any) -> FunctionCall:
    return FunctionCall(name=name, arguments=json.dumps(arguments))


async def listed(connection: Connection) -> list[Json]:
    """The tools that the server was found to have."""
    events = await until(connection, "conversation.item.done")
    assert "mcp_list_tools.completed" in [event.type for event in events]
    tools: list[Json] = events[-1].to_json()["item"]["tools"]
    return tools


async def responded(connection: Connection) -> list[Json]:
    """The items of a response."""
    await connection.send(event("response.create"))
    items: list[Json] = status(await until(connection, "response.done"))["output"]
    return items


async def test_the_embedded_responder_calls_a_tool_and_says_what_it_returned() -> None:
    async with tool_server() as it, session(McpAccess(it.url), offer(it.url, authorization="sesame")) as connection:
        tools = await listed(connection)
        assert [tool["name"] for tool in tools] == ["add", "wait", "fail", "talk"]
        assert tools[0]["description"] == "Adds two numbers."
        assert tools[0]["annotations"] == {"readOnlyHint": True}
        assert tools[0]["input_schema"]["required"] == ["a", "b"]
        await connection.send(typed("Call the tool add with a 2 and b 3"))
        [called] = await responded(connection)
        [said] = await responded(connection)
        assert (called["type"], called["output"], json.loads(called["arguments"])) == (
            "mcp_call",
            "5",
            {"a": 2, "b": 3},
        )
        assert said["content"][0]["text"] == "The tool returned 5."
        assert set(it.keys) == {"Bearer sesame"}


@pytest.mark.parametrize(
    "settings",
    [
        {"json_answers": True},
        {"older": True},
        {"older": True, "json_answers": True},
        {"older": True, "stateless": True},
        {"older": True, "stateless": True, "json_answers": True},
    ],
    ids=lambda settings: " ".join(settings),
)
async def test_servers_of_every_kind_are_listed_and_called(settings: dict[str, bool]) -> None:
    says: list[str | FunctionCall] = [call("add", a=1, b=2), "Three.", call("fail"), "Sorry."]
    async with tool_server(**settings) as it:
        async with session(McpAccess(it.url), offer(it.url), says=says) as connection:
            assert [tool["name"] for tool in await listed(connection)] == ["add", "wait", "fail", "talk"]
            [called] = await responded(connection)
            assert called["output"] == "3"
            await responded(connection)
            [called] = await responded(connection)
            assert called["error"]["message"] == "Error executing tool fail: out of stock"
        keeps_sessions = "older" in settings and "stateless" not in settings
        if keeps_sessions:
            await asyncio.wait_for(it.left.wait(), 5)
        assert ("DELETE" in it.methods) == keeps_sessions
        assert "GET" not in it.methods


async def test_a_call_waits_for_the_user_and_is_made_when_it_is_allowed() -> None:
    async with (
        tool_server() as it,
        session(McpAccess(it.url), offer(it.url, require_approval="always"), says=[call("add", a=1, b=1), "Two."]) as c,
    ):
        await listed(c)
        [request] = await responded(c)
        assert (request["type"], request["name"]) == ("mcp_approval_request", "add")
        answer = {"type": "mcp_approval_response", "id": "yes", "approval_request_id": request["id"], "approve": True}
        await c.send(event("conversation.item.create", item=answer))
        [called] = status(await until(c, "response.done"))["output"]
        [said] = await responded(c)
        assert (called["output"], called["approval_request_id"]) == ("2", request["id"])
        assert said["content"][0]["text"] == "Two."


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (call("fail"), {"type": "tool_execution_error", "message": "Error executing tool fail: out of stock"}),
        (
            call("talk"),
            {"type": "tool_execution_error", "message": "it returned 100001 characters, and 100000 are the most"},
        ),
        (
            FunctionCall(name="add", arguments="[1]"),
            {
                "type": "tool_execution_error",
                "message": "the arguments are no JSON object: Expected `object`, got `array`",
            },
        ),
    ],
)
async def test_a_tool_s_failure_is_sent_to_the_client_and_read_by_the_model(wanted: FunctionCall, error: Json) -> None:
    async with tool_server() as it, session(McpAccess(it.url), offer(it.url), says=[wanted, "Sorry."]) as connection:
        await listed(connection)
        [called] = await responded(connection)
        [said] = await responded(connection)
        assert called["error"] == error
        assert said["content"][0]["text"] == "Sorry."


async def test_a_tool_that_is_silent_is_given_up_and_the_server_asked_again_later() -> None:
    limits = Limits(engine_s=3)
    says: list[str | FunctionCall] = [call("wait"), "Too slow.", call("add", a=1, b=2), "Three."]
    async with tool_server() as it, session(McpAccess(it.url), offer(it.url), says=says, limits=limits) as connection:
        await listed(connection)
        it.answers.clear()
        [called] = await responded(connection)
        assert called["error"] == {"type": "http_error", "code": 504, "message": "it did not answer within 3 s"}
        await responded(connection)
        [called] = await responded(connection)
        assert called["output"] == "3"


async def test_calls_are_counted_among_the_engines() -> None:
    engines = scripted_engines(responses=[call("add", a=1, b=2), "Three.", call("fail"), "Sorry."])
    async with tool_server() as it:
        application = scripted_app(engines, mcp=McpAccess(it.url))
        async with listening(application) as url, connect(url) as connection:
            await connection.send(update(tools=[offer(it.url)], output_modalities=["text"]))
            await listed(connection)
            for _ in range(4):
                await responded(connection)
            async with httpx.AsyncClient() as http:
                figures = (await http.get(url.replace("ws:", "http:").replace("/v1/realtime", "/metrics"))).text
    assert 'duologue_engine_seconds_count{stage="mcp"} 2.0' in figures
    assert 'duologue_engine_failures_total{stage="mcp"} 1.0' in figures


async def test_interrupting_gives_a_call_up() -> None:
    async with (
        tool_server() as it,
        session(McpAccess(it.url), offer(it.url), says=[call("wait"), "Never."]) as connection,
    ):
        await listed(connection)
        it.answers.clear()
        await connection.send(event("response.create"))
        await until(connection, "response.mcp_call.in_progress")
        await connection.send(event("response.cancel"))
        done = status(await until(connection, "response.done"))
        assert done["status"] == "cancelled"
        assert [item["type"] for item in done["output"]] == ["mcp_call"]


async def test_a_session_that_ends_while_a_tool_runs_ends_cleanly() -> None:
    async with tool_server() as it, session(McpAccess(it.url), offer(it.url), says=[call("wait")]) as connection:
        await listed(connection)
        it.answers.clear()
        await connection.send(event("response.create"))
        await until(connection, "response.mcp_call.in_progress")


@pytest.mark.parametrize(
    ("permitted", "reason"),
    [
        (None, "this server lets sessions use no MCP servers"),
        (["http://127.0.0.1:1/other"], "this server does not let sessions use that MCP server"),
        (["*"], "it cannot be talked to (ConnectError)"),
    ],
)
async def test_a_server_that_may_not_or_cannot_be_asked_is_not_listed(
    permitted: list[str] | None, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    access = McpAccess(*permitted) if permitted is not None else None
    with caplog.at_level(logging.WARNING, logger="duologue"):
        async with session(
            access, offer("http://127.0.0.1:1/mcp?key=secret", headers={"X-Key": "secret"})
        ) as connection:
            events = await until(connection, "conversation.item.done")
            assert "mcp_list_tools.failed" in [event.type for event in events]
    assert reason in caplog.text
    assert "secret" not in caplog.text


PERMITTED: Mapping[str, Sequence[str]] = {
    "https://host/mcp": ["https://host/mcp", "https://host:443/mcp/docs", "https://HOST/mcp?x=1"],
    "http://host:9": ["http://host:9", "http://host:9/", "http://host:9/any/where"],
    "*": ["http://anywhere:1/", "https://anywhere/mcp"],
}


@pytest.mark.parametrize(("allowed", "url"), [(allowed, url) for allowed, urls in PERMITTED.items() for url in urls])
def test_what_lies_at_an_address_or_below_it_is_permitted(allowed: str, url: str) -> None:
    assert McpAccess("https://elsewhere/", allowed).permits(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://host/mcp",
        "https://host/mcpx",
        "https://host:444/mcp",
        "https://host.evil/mcp",
        "https://host@evil/mcp",
        "https://evil@host/mcp",
        "https://evil\\@host/mcp",
        "https://host/mcp/../admin",
        "https://host/mcp/%2e%2e/admin",
        "https://host",
        "ftp://host/mcp",
        "file:///mcp",
        "https://host:x/mcp",
        "",
    ],
)
def test_what_lies_elsewhere_is_not(url: str) -> None:
    assert not McpAccess("https://host/mcp").permits(url)


def test_a_string_that_is_no_address_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="'host/mcp' is no address of an MCP server"):
        McpAccess("host/mcp")


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="names no user") as refused:
        McpAccess("https://me:sesame@host/mcp?key=sesame")
    assert "sesame" not in str(refused.value)


async def test_a_client_s_headers_go_along_but_for_those_that_name_the_server() -> None:
    headers = {"Host": "inner.invalid", "Content-Length": "1", "authorization": "Basic x"}
    async with tool_server() as it, session(McpAccess(it.url), offer(it.url, headers=headers)) as connection:
        assert await listed(connection)
        assert set(it.keys) == {"Basic x"}
        assert set(it.hosts) == {it.url.split("/")[2]}


def test_its_repr_keeps_the_key() -> None:
    assert "sesame" not in repr(McpServerTool(server_label="shop", authorization="sesame"))


async def test_a_question_ends_though_the_call_that_answers_it_is_deleted_while_its_tool_runs() -> None:
    engines = scripted_engines(responses=[call("wait"), "Done."])
    async with tool_server() as it:
        application = scripted_app(engines, mcp=McpAccess(it.url))
        tool = McpServerTool(server_label="shop", server_url=it.url, require_approval="never")
        config = RealtimeSessionConfig(tools=[tool], output_modalities=["text"])
        async with (
            listening(application) as url,
            duologue.converse(url, session=config) as conversation,
            conversation.stream(McpListToolsCompletedEvent, ResponseMcpCallInProgressEvent) as reported,
            asyncio.timeout(5),
        ):
            assert isinstance(await anext(aiter(reported)), McpListToolsCompletedEvent)
            it.answers.clear()
            question = asyncio.create_task(conversation.ask("Wait"))
            begun = await anext(aiter(reported))
            assert isinstance(begun, ResponseMcpCallInProgressEvent)
            await conversation.send(ConversationItemDeleteEvent(item_id=begun.item_id))
            it.answers.set()
            assert await question == "Done."


async def test_more_servers_than_a_session_may_offer_are_refused_and_not_asked() -> None:
    async with tool_server() as it:
        application = scripted_app(mcp=McpAccess("*"))
        many = [offer(f"{it.url}/{n}", server_label=f"s{n}") for n in range(300)]
        async with listening(application) as url, connect(url) as connection, connect(url) as neighbour:
            await connection.send(update(tools=many))
            [*_, refused] = await until(connection, "error")
            assert refused.to_json()["error"]["param"] == "session.tools"
            await neighbour.send(update(tools=[offer(it.url)]))
            assert len(await listed(neighbour)) == 4
            await connection.send(update(tools=[offer(it.url)]))
            assert len(await listed(connection)) == 4
        assert it.n_requests == 4


async def test_sixteen_servers_of_which_fifteen_are_silent_are_listed_one_by_one() -> None:
    async with raw_mcp_server(tools_list=silent_after(b"")) as silent, tool_server() as it:
        access = McpAccess("*")
        engines = scripted_app_engines(scripted_engines())
        application = RealtimeApp(engines=engines, mcp=access, limits=Limits(engine_s=5))
        dead = [offer(silent.url, server_label=f"s{n}", headers={"X": str(n)}) for n in range(15)]
        async with listening(application) as url, connect(url) as connection:
            await connection.send(update(tools=[*dead, offer(it.url)]))
            [*_, done] = await until(connection, "conversation.item.done")
            assert len(done.to_json()["item"]["tools"]) == 4
        # The session has ended while the others are silent.
        async with asyncio.timeout(5):
            while access.network.n_connections:  # noqa: ASYNC110 - of connections no event says when they end
                await asyncio.sleep(0.01)
