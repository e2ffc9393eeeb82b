"""Headers that a session gives for an MCP server."""

from __future__ import annotations

import pytest

from duologue.server.mcp.servers import McpFault
from tests.server._hostile import asking, call, offer

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X:Y": "a"}, {"X": "ü"}, {f"X{n}": "" for n in range(65)}, {"X": "a" * 9_000}],
    ids=["two", "no name", "no ASCII", "many", "long"],
)
async def test_headers_that_are_none_are_not_sent(headers: dict[str, str]) -> None:
    async with asking() as (it, mcp_session):
        with pytest.raises(McpFault, match="header"):
            await mcp_session.call(call(offer(it, headers=headers), "good"))
        assert it.requests == []


async def test_a_session_does_not_say_how_http_is_spoken() -> None:
    headers = {"Accept-Encoding": "gzip", "Mcp-Session-Id": "x", "Mcp-Param-A": "x", "Accept": "*/*", "X-Mine": "1"}
    async with asking() as (it, mcp_session):
        await mcp_session.call(call(offer(it, headers=headers), "good"))
        sent = it.requests[-1].headers
        assert (sent["accept-encoding"], sent["accept"]) == ("identity", "application/json, text/event-stream")
        assert sent["x-mine"] == "1"
        assert not {"mcp-session-id", "mcp-param-a"} & set(sent)
