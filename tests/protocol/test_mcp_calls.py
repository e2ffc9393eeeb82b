"""Calls of MCP tools: made by the server, inside a response, which goes on when they have answered."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import McpApprovalResponseItem, McpCallItem, McpToolExecutionError, MessageItem, is_set
from duologue.protocol import McpCall, Respond, StopResponse
from duologue.testing import Pair, play
from tests.protocol._mcp import DOCS, READ, SEARCH, WRITE, mcp
from tests.protocol._wire import client_event, create, respond, types, update, user_text

QUERY = '{"q": "cats"}'
CALLED = [
    "response.output_item.added",
    "conversation.item.added",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.mcp_call.in_progress",
]
RETURNED = ["response.mcp_call.completed", "conversation.item.done", "response.output_item.done"]
FAILED = ["response.mcp_call.failed", "conversation.item.done", "response.output_item.done"]
ASKED = [
    "response.output_item.added",
    "conversation.item.added",
    "conversation.item.done",
    "response.output_item.done",
]
REQUEST = "mcp_approval_request"


def listed(pair: Pair, server: dict[str, Any] = DOCS, **session: Any) -> None:
    pair.send(update(tools=[server], output_modalities=["text"], **session))
    pair.lists(SEARCH, READ, WRITE)


def answer(request_id: str, *, approve: bool, **fields: Any) -> Any:
    item = {"type": "mcp_approval_response", "id": f"answer_{request_id}", "approval_request_id": request_id}
    return create({**item, "approve": approve, **fields})


def test_a_call_has_its_events_in_order_and_the_response_goes_on(pair: Pair) -> None:
    listed(pair)
    pair.send(create(user_text("hi", id="said")))
    where = {"item_id": "item_2", "output_index": 0}
    head = {"item.type": "mcp_call", "item.id": "item_2", "item.name": "search", "item.server_label": "docs"}
    whole = {**head, "item.arguments": QUERY, "item.output": "a page"}
    play(
        pair,
        [
            respond(),
            "response.created",
            lambda: pair.calls("search", QUERY),
            ("response.output_item.added", {"response_id": "resp_1", "output_index": 0, **head, "item.arguments": ""}),
            ("conversation.item.added", {"previous_item_id": "said", **head}),
            ("response.mcp_call_arguments.delta", {"response_id": "resp_1", **where, "delta": QUERY}),
            ("response.mcp_call_arguments.done", {"response_id": "resp_1", **where, "arguments": QUERY}),
            ("response.mcp_call.in_progress", where),
            lambda: pair.returns("a page"),
            ("response.mcp_call.completed", where),
            ("conversation.item.done", whole),
            ("response.output_item.done", {"response_id": "resp_1", "output_index": 0, **whole}),
        ],
    )
    pair.take(Respond)
    assert pair.finishes() == []
    again = pair.take(Respond)
    assert again.response_id == "resp_1"
    assert isinstance(again.context[-1], McpCallItem)
    pair.says("Cats it is.")
    done = pair.finishes()[-1].to_json()["response"]
    assert [item["type"] for item in done["output"]] == ["mcp_call", "message"]
    assert done["status"] == "completed"


def test_what_was_said_before_a_call_is_read_with_it(pair: Pair) -> None:
    listed(pair)
    pair.send(respond())
    pair.take(Respond)
    pair.says("Let me see.")
    assert types(pair.calls("search"))[-5:] == CALLED
    pair.returns("a page")
    pair.finishes()
    said, called = pair.take(Respond).context[-2:]
    assert isinstance(said, MessageItem)
    assert isinstance(called, McpCallItem)


def test_a_tool_that_fails_is_told_and_read_too(pair: Pair) -> None:
    listed(pair)
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search")
    assert types(pair.returns(McpToolExecutionError(message="no such page"))) == FAILED
    pair.finishes()
    failed = pair.take(Respond).context[-1]
    assert isinstance(failed, McpCallItem)
    assert failed.error == McpToolExecutionError(message="no such page")


def test_several_calls_follow_one_another_and_are_read_together(pair: Pair) -> None:
    listed(pair)
    pair.send(respond())
    pair.take(Respond)
    for tool in ("search", "read"):
        pair.calls(tool)
        assert types(pair.returns(f"of {tool}")) == RETURNED
    pair.finishes()
    assert [item.output for item in pair.take(Respond).context[-2:] if isinstance(item, McpCallItem)] == [
        "of search",
        "of read",
    ]


def test_one_call_at_a_time_where_the_session_says_so(pair: Pair) -> None:
    listed(pair, parallel_tool_calls=False)
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search")
    pair.returns("a page")
    assert pair.calls("read") == []
    assert pair.says("and more") == []
    assert not pair.server.response_text("resp_1", "and more", now=pair.now)
    pair.finishes()
    assert [item.name for item in pair.take(Respond).context if isinstance(item, McpCallItem)] == ["search"]


def test_a_choice_is_for_the_first_time_and_at_last_words_are_due(pair: Pair) -> None:
    listed(pair, tool_choice="required")
    pair.send(respond())
    choices = []
    for _ in range(8):
        choices.append(pair.take(Respond).tool_choice)
        if choices[-1] == "none":
            break
        pair.calls("search")
        pair.returns("more")
        pair.finishes()
    assert choices == ["required", *["auto"] * 6, "none"]


def test_cancelling_ends_the_call_as_failed_and_what_it_returns_later_is_stale(pair: Pair) -> None:
    listed(pair)
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search")
    call = pair.take(McpCall)
    events = pair.send(client_event("response.cancel"))
    assert types(events) == [*FAILED, "response.done"]
    assert events[1].to_json()["item"]["error"]["message"] == "the response ended before the tool had answered"
    pair.take(StopResponse)
    pair.server.mcp_called(call, "too late", now=pair.now)
    pair.send(respond())
    assert pair.received[-1].type == "response.created"
    read = pair.take(Respond).context[-1]
    assert isinstance(read, McpCallItem)
    assert not is_set(read.output)


def test_a_response_beside_the_conversation_calls_and_goes_on_without_touching_it(pair: Pair) -> None:
    listed(pair)
    pair.send(respond(conversation="none"))
    pair.take(Respond)
    assert types(pair.calls("search", QUERY)) == [CALLED[0], *CALLED[2:]]
    assert types(pair.returns("a page")) == [RETURNED[0], RETURNED[2]]
    pair.finishes()
    assert isinstance(pair.take(Respond).context[-1], McpCallItem)


# --- approval


def test_a_call_that_needs_approval_asks_for_it_and_the_response_ends(pair: Pair) -> None:
    listed(pair, mcp(require_approval="always"))
    pair.send(respond())
    pair.take(Respond)
    events = pair.calls("search", QUERY)
    assert types(events) == ASKED
    item = {"type": REQUEST, "id": "item_2", "server_label": "docs", "name": "search", "arguments": QUERY}
    assert [event.to_json()["item"] for event in events] == [item] * 4
    assert types(pair.finishes()) == ["response.done"]
    assert pair.commands == []


def test_an_approved_call_is_made_by_a_response_of_its_own(pair: Pair) -> None:
    listed(pair, mcp(require_approval="always"))
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search", QUERY)
    pair.finishes()
    assert types(pair.send(answer("item_2", approve=True))) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert pair.take(Respond).approved == ("item_2",)
    events = pair.makes_approved_call("item_2", response_id="resp_2")
    assert types(events) == CALLED
    assert events[0].to_json()["item"]["approval_request_id"] == "item_2"
    assert pair.makes_approved_call("item_2", response_id="resp_2") == []
    assert types(pair.returns("a page")) == RETURNED
    pair.finishes(response_id="resp_2")
    command = pair.take(Respond)
    assert (command.response_id, command.approved) == ("resp_2", ())
    # The answer again, and one to nobody's request: items like others.
    for request_id in ("item_2", "of_nobody"):
        item = {"type": "mcp_approval_response", "approval_request_id": request_id, "approve": True}
        assert types(pair.send(create({**item, "id": f"again_{request_id}"}))) == [
            "conversation.item.added",
            "conversation.item.done",
        ]


def test_a_denied_call_is_never_made_and_the_model_may_say_something(pair: Pair) -> None:
    listed(pair, mcp(require_approval="always"))
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search", QUERY)
    pair.finishes()
    assert types(pair.send(answer("item_2", approve=False)))[-1] == "response.created"
    command = pair.take(Respond)
    assert command.approved == ()
    denial = command.context[-1]
    assert isinstance(denial, McpApprovalResponseItem)
    assert not denial.approve


def test_an_approval_that_comes_while_another_response_runs_waits_for_its_end(pair: Pair) -> None:
    listed(pair, mcp(require_approval="always"))
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search", QUERY)
    pair.calls("read")
    assert "response.created" not in types(pair.send(answer("item_2", approve=True)))
    assert types(pair.finishes()) == ["response.done", "response.created"]
    assert pair.take(Respond).approved == ("item_2",)
    pair.makes_approved_call("item_2", response_id="resp_2")
    pair.returns("a page")
    pair.send(answer("item_3", approve=True))
    pair.finishes(response_id="resp_2")
    pair.take(Respond)
    assert types(pair.finishes(response_id="resp_2")) == ["response.done", "response.created"]
    assert pair.take(Respond).approved == ("item_3",)


def test_an_approved_call_of_a_response_that_was_cancelled_is_not_made_by_the_next(pair: Pair) -> None:
    listed(pair, mcp(require_approval="always"))
    pair.send(respond())
    pair.take(Respond)
    pair.calls("search", QUERY)
    pair.finishes()
    pair.send(answer("item_2", approve=True))
    pair.take(Respond)
    pair.send(client_event("response.cancel"))
    assert pair.makes_approved_call("item_2", response_id="resp_2") == []
    pair.send(respond())
    assert pair.take(Respond).approved == ()


@pytest.mark.parametrize(
    ("require", "asking"),
    [
        (None, {"search", "read", "write"}),
        ("always", {"search", "read", "write"}),
        ("never", set()),
        ({"never": {"tool_names": ["search"]}}, {"read", "write"}),
        ({"always": {"tool_names": ["write"]}}, {"write"}),
        ({"always": {"read_only": False}, "never": {"tool_names": ["write"]}}, {"search"}),
        ({}, {"search", "read", "write"}),
    ],
)
def test_who_needs_approval(pair: Pair, require: Any, asking: set[str]) -> None:
    listed(pair, mcp(require_approval=require))
    pair.send(respond())
    asked = set()
    for tool in ("search", "read", "write"):
        if pair.calls(tool)[0].to_json()["item"]["type"] == REQUEST:
            asked.add(tool)
        else:
            pair.returns("done")
    assert asked == asking
