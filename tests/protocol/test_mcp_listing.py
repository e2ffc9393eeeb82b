"""MCP servers as tools: nobody asks them, and the client is told so."""

from __future__ import annotations

from typing import Any

from duologue.protocol import Respond
from duologue.testing import Pair, play
from tests.protocol._wire import respond, session_of, types, update

DOCS: dict[str, Any] = {"type": "mcp", "server_label": "docs", "server_url": "https://example.invalid/mcp"}
CLOCK: dict[str, Any] = {"type": "function", "name": "get_time"}
LISTING = [
    "conversation.item.added",
    "mcp_list_tools.in_progress",
    "mcp_list_tools.failed",
    "conversation.item.done",
]


def test_the_listing_fails_and_says_so_after_the_update_is_taken(pair: Pair) -> None:
    item = {"type": "mcp_list_tools", "id": "item_1", "server_label": "docs", "tools": []}
    play(
        pair,
        [
            update(tools=[DOCS, CLOCK]),
            "session.updated",
            ("conversation.item.added", {"previous_item_id": None, "item": item}),
            ("mcp_list_tools.in_progress", {"item_id": "item_1"}),
            ("mcp_list_tools.failed", {"item_id": "item_1"}),
            ("conversation.item.done", {"previous_item_id": None, "item": item}),
        ],
    )
    assert session_of(pair)["tools"] == [DOCS, CLOCK]


def test_other_tools_work_on(pair: Pair) -> None:
    pair.send(update(tools=[DOCS, CLOCK]), respond())
    command = pair.take(Respond)
    assert [tool.name for tool in command.tools] == ["get_time"]
    pair.calls("get_time")
    assert types(pair.finishes()) == ["response.done"]


def test_a_server_is_listed_once_and_again_when_it_is_described_otherwise(pair: Pair) -> None:
    assert types(pair.send(update(tools=[DOCS]))) == ["session.updated", *LISTING]
    assert types(pair.send(update(tools=[DOCS]))) == ["session.updated"]
    assert types(pair.send(update(instructions="x"))) == ["session.updated"]
    other = {**DOCS, "server_url": "https://other.invalid/mcp"}
    assert types(pair.send(update(tools=[other]))) == ["session.updated", *LISTING]


def test_a_response_may_bring_a_server_too(pair: Pair) -> None:
    choice = {"type": "mcp", "server_label": "docs"}
    assert types(pair.send(respond(tools=[DOCS], tool_choice=choice))) == [*LISTING, "response.created"]
    assert (pair.take(Respond).tools, pair.commands) == ((), [])


def test_a_response_that_is_refused_lists_nothing(pair: Pair) -> None:
    pair.send(respond())
    assert types(pair.send(respond(tools=[DOCS]))) == ["error"]
