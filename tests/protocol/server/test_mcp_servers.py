"""MCP servers as tools: they are asked once, and their tools are reported and offered."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import ErrorEvent, McpTool, RealtimeEvent
from duologue.protocol import ListMcpTools, Respond, SessionDefaults
from duologue.testing import Pair, play
from tests.protocol._mcp import DOCS, READ, SEARCH, WRITE, mcp
from tests.protocol._wire import client_event, invalid, respond, session_of, types, update

CLOCK: dict[str, Any] = {"type": "function", "name": "get_time"}
ASKED = ["conversation.item.added", "mcp_list_tools.in_progress"]


def offered(pair: Pair) -> list[str]:
    """The names of the functions that a new response may call."""
    pair.send(respond())
    command = pair.take(Respond)
    pair.finishes(response_id=command.response_id)
    return [str(tool.name) for tool in command.tools]


def test_a_list_has_its_events_in_order_after_the_update_is_taken(pair: Pair) -> None:
    empty = {"type": "mcp_list_tools", "id": "item_1", "server_label": "docs", "tools": []}
    tools = [{"name": "search", "description": "Finds pages.", "input_schema": {"type": "object"}}]
    play(
        pair,
        [
            update(tools=[DOCS, CLOCK]),
            "session.updated",
            ("conversation.item.added", {"previous_item_id": None, "item": empty}),
            ("mcp_list_tools.in_progress", {"item_id": "item_1"}),
            lambda: pair.lists(SEARCH),
            ("mcp_list_tools.completed", {"item_id": "item_1"}),
            ("conversation.item.done", {"previous_item_id": None, "item": {**empty, "tools": tools}}),
        ],
    )
    assert session_of(pair)["tools"] == [DOCS, CLOCK]


def test_a_list_that_cannot_be_had_fails_and_other_tools_work_on(pair: Pair) -> None:
    pair.send(update(tools=[DOCS, CLOCK]))
    assert types(pair.listing_fails()) == ["mcp_list_tools.failed", "conversation.item.done"]
    assert offered(pair) == ["get_time"]


def test_a_response_made_before_the_list_is_there_lacks_its_tools(pair: Pair) -> None:
    pair.send(update(tools=[DOCS, CLOCK]))
    assert offered(pair) == ["get_time"]
    pair.lists(SEARCH, READ)
    assert offered(pair) == ["get_time", "search", "read"]


def test_a_server_is_asked_once_and_again_when_it_is_described_otherwise(pair: Pair) -> None:
    assert types(pair.send(update(tools=[DOCS]))) == ["session.updated", *ASKED]
    assert types(pair.send(update(tools=[DOCS]))) == ["session.updated"]
    assert types(pair.send(update(instructions="x"))) == ["session.updated"]
    pair.lists(SEARCH)
    other = mcp(server_url="https://other.invalid/mcp")
    assert types(pair.send(update(tools=[other]))) == ["session.updated", *ASKED]
    assert offered(pair) == []  # what the other one said is not true of this one
    assert pair.commands[-1].server.server_url == "https://other.invalid/mcp"  # type: ignore[union-attr]


def test_a_list_that_comes_after_the_description_changed_is_reported_and_not_used(pair: Pair) -> None:
    pair.send(update(tools=[DOCS]))
    late = pair.take(ListMcpTools)
    pair.send(update(tools=[mcp(authorization="t")]))
    pair.server.mcp_listed(late.item_id, [SEARCH])
    assert offered(pair) == []
    pair.lists(READ)
    assert offered(pair) == ["read"]
    pair.server.mcp_listed(late.item_id, [WRITE])  # a second time
    pair.server.mcp_listing_failed("item_unknown")
    assert offered(pair) == ["read"]


def test_an_item_that_was_deleted_is_not_done(pair: Pair) -> None:
    pair.send(update(tools=[DOCS]), client_event("conversation.item.delete", item_id="item_1"))
    assert types(pair.lists(SEARCH)) == ["mcp_list_tools.completed"]
    assert offered(pair) == ["search"]


def test_a_response_may_bring_a_server_too(pair: Pair) -> None:
    choice = {"type": "mcp", "server_label": "docs"}
    assert types(pair.send(respond(tools=[DOCS], tool_choice=choice))) == [*ASKED, "response.created"]
    assert pair.take(Respond).tools == ()  # a choice of what is not there yet leaves it free
    pair.lists(SEARCH)
    pair.finishes(response_id="resp_1")
    pair.send(respond(tools=[DOCS], tool_choice=choice))
    command = pair.take(Respond)
    assert ([tool.name for tool in command.tools], command.tool_choice) == (["search"], "required")


def test_a_response_that_is_rejected_lists_nothing(pair: Pair) -> None:
    pair.send(respond())
    assert types(pair.send(respond(tools=[DOCS]))) == ["error"]


@pytest.mark.parametrize(
    ("choice", "names", "chosen"),
    [
        ("auto", ["get_time", "search", "read"], "auto"),
        ("none", ["get_time", "search", "read"], "none"),
        ({"type": "function", "name": "get_time"}, ["get_time", "search", "read"], "get_time"),
        ({"type": "mcp", "server_label": "docs", "name": "read"}, ["get_time", "search", "read"], "read"),
        ({"type": "mcp", "server_label": "docs"}, ["search", "read"], "required"),
        ({"type": "mcp", "server_label": "docs", "name": "gone"}, ["get_time", "search", "read"], "auto"),
    ],
)
def test_a_choice_is_followed(pair: Pair, choice: Any, names: list[str], chosen: str) -> None:
    pair.send(update(tools=[CLOCK, DOCS], tool_choice=choice))
    pair.lists(SEARCH, READ)
    pair.send(respond())
    command = pair.take(Respond)
    assert ([tool.name for tool in command.tools], command.tool_choice) == (names, chosen)


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (None, ["search", "write", "read"]),
        (["read", "gone"], ["read"]),
        ({"tool_names": ["write", "read"]}, ["write", "read"]),
        ({"read_only": True}, ["read"]),
        ({"read_only": False, "tool_names": ["search", "read"]}, ["search"]),
    ],
)
def test_only_tools_that_are_allowed_are_listed(pair: Pair, allowed: Any, names: list[str]) -> None:
    pair.send(update(tools=[mcp(allowed_tools=allowed)]))
    done = pair.lists(SEARCH, WRITE, READ)[-1].to_json()
    assert [tool["name"] for tool in done["item"]["tools"]] == names
    assert offered(pair) == names


def test_a_name_that_is_taken_gets_the_server_s_label(pair: Pair) -> None:
    function = {"type": "function", "name": "search"}
    pair.send(update(tools=[mcp(server_label="a"), function, mcp(server_label="b")]))
    pair.lists(SEARCH, READ)
    pair.lists(McpTool(name="read", input_schema={}))
    assert offered(pair) == ["search", "a-search", "read", "b-read"]


def test_lists_of_servers_count_among_the_items_that_a_conversation_may_hold() -> None:
    pair = Pair(SessionDefaults(max_items=2))
    pair.connect()
    pair.send(update(tools=[mcp(server_label=label) for label in ("a", "b")]))
    pair.received.clear()
    pair.send(update(tools=[mcp(server_label=label) for label in ("a", "b", "c")]))
    (refused,) = pair.received
    assert isinstance(refused, ErrorEvent)
    assert (refused.error.param, "2 items" in refused.error.message) == ("session.tools", True)
    pair.send(update(tools=[mcp(server_label="a")]))  # lists nothing anew
    assert types(pair.received[1:]) == ["session.updated"]


def test_a_name_that_is_taken_with_its_server_too_is_numbered(pair: Pair) -> None:
    functions = [{"type": "function", "name": name} for name in ("search", "a-search")]
    pair.send(update(tools=[*functions, mcp(server_label="a")]))
    pair.lists(SEARCH)
    assert offered(pair) == ["search", "a-search", "a-search-2"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:sesame@docs.invalid/mcp?a=b@c", "https://docs.invalid/mcp?a=b@c"),
        ("https://sesame@docs.invalid", "https://docs.invalid"),
        ("https://docs.invalid:8443/a@b", "https://docs.invalid:8443/a@b"),
        ("docs", "docs"),
    ],
)
def test_the_name_and_password_in_a_server_s_url_are_used_and_not_shown(pair: Pair, url: str, shown: str) -> None:
    (updated, *_) = pair.send(update(tools=[mcp(server_url=url)]))
    assert updated.to_json()["session"]["tools"][0]["server_url"] == shown
    assert pair.commands[-1].server.server_url == url  # type: ignore[union-attr]


@pytest.mark.parametrize("root", ["session", "response"])
def test_sixteen_servers_are_listed_and_not_one_more(pair: Pair, root: str) -> None:
    def offer(count: int) -> list[RealtimeEvent]:
        tools = [mcp(server_label=f"s{number}") for number in range(count)]
        return pair.send(update(tools=tools) if root == "session" else respond(tools=tools))

    error = invalid(offer(17))
    assert (error["code"], error["param"]) == ("invalid_value", f"{root}.tools")
    assert types(offer(16)).count("mcp_list_tools.in_progress") == 16
