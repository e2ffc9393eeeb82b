"""Connections to MCP servers: how many there are, and when they are closed."""

from __future__ import annotations

import asyncio

import pytest

from duologue.events import McpHttpError
from duologue.server.mcp import connections as mcp_connections
from duologue.server.mcp.servers import McpFault
from tests.server._hostile import asking, call, mcp_sessions, nothing_of, offer
from tests.server._raw_mcp_server import raw_mcp_server

pytestmark = pytest.mark.timeout(30)


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
    async with asking() as (it, mcp_session):
        server = offer(it)
        waiting = [asyncio.create_task(mcp_session.call(call(server, "late"))) for _ in range(5)]
        await nothing_of(lambda: int(it.wanted().count("late") < 2))
        assert it.n_open == 2
        it.answers.set()
        assert await asyncio.gather(*waiting) == ["as asked"] * 5
        assert it.n_open <= 2


async def test_a_connection_without_use_is_closed_before_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asking() as (it, mcp_session):
        server = offer(it)
        await mcp_session.call(call(server, "good"))
        assert it.n_open == 1
        monkeypatch.setattr(mcp_connections, "CLOSE_IDLE_S", 0.01)
        await mcp_session.call(call(server, "good"))
        await nothing_of(lambda: it.n_open)
        assert await mcp_session.call(call(server, "good")) == "as asked"


async def test_a_server_that_is_described_anew_again_and_again_is_forgotten() -> None:
    async with asking(keeps_sessions=True) as (it, mcp_session):
        for n in range(20):
            await mcp_session.call(call(offer(it, headers={"X": str(n)}), "good"))
        await nothing_of(lambda: int(it.wanted().count("DELETE") < 4))


async def test_the_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with asking() as (it, mcp_session):
        assert await mcp_session.call(call(offer(it), "good")) == "as asked"
