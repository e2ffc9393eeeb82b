"""The documents state the limits of MCP as they are."""

from __future__ import annotations

import pytest

from duologue.server.mcp import limits as mcp_limits
from tests.repo._tree import ROOT

BOUNDS = {
    "16 servers": mcp_limits.MAX_SERVERS,
    "16 connections at a time": mcp_limits.MAX_SESSION_CONNECTIONS,
    "2 of them without use": mcp_limits.MAX_IDLE_CONNECTIONS,
    "256 connections to MCP servers": mcp_limits.MAX_CONNECTIONS,
    "64 MCP sessions being ended": mcp_limits.MAX_NOTIFICATIONS,
    "1 s each": mcp_limits.NOTIFY_S,
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
def test_the_documents_name_the_bounds_as_they_are(words: str) -> None:
    assert words in (ROOT / "docs" / "howto" / "tools.md").read_text(encoding="utf-8")
    assert float(words.split(" ")[0].replace(",", "")) == BOUNDS[words]
