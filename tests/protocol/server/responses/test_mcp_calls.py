"""Calls of MCP tools: made by the server, inside a response, which goes on when they have answered."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import McpApprovalResponseItem, McpCallItem, McpToolExecutionError, MessageItem
from duologue.protocol import McpCall, Respond, SessionDefaults, StopResponse
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
RETURNED = ["response.mcp_call.completed"]
FAILED = ["response.mcp_call.failed"]
DONE = ["conversation.item.done", "response.output_item.done"]
ASKED = [
    "response.output_item.added",
    "conversation.item.added",
    "conversation.item.done",
    "response.output_item.done",
]
REQUEST = "mcp_approval_request"
APPROVED = mcp(require_approval="always")


def listed(pair: Pair, server: dict[str, Any] = DOCS, **session: Any) -> None:
    pair.send(update(tools=[server], output_modalities=["text"], **session))
    pair.lists(SEARCH, READ, WRITE)


def begun(pair: Pair, server: dict[str, Any] = DOCS, **session: Any) -> None:
    """The server's tools are listed, and a response has begun."""
    listed(pair, server, **session)
    pair.send(respond())
    pair.take(Respond)


def asked(pair: Pair) -> None:
    """A response has asked whether it may search, and is over."""
    begun(pair, APPROVED)
    pair.calls("search", QUERY)
    pair.finishes()


def answer(request_id: str, *, approve: bool, **fields: Any) -> Any:
    item = {"type": "mcp_approval_response", "id": f"answer_{request_id}", "approval_request_id": request_id}
    return create({**item, "approve": approve, **fields})


def test_a_call_has_its_events_in_order_and_the_response_ends_with_it(pair: Pair) -> None:
    listed(pair)
    pair.send(create(user_text("hi", id="said")))
    where = {"item_id": "item_2", "output_index": 0}
    head = {"item.type": "mcp_call", "item.id": "item_2", "item.name": "search", "item.server_label": "docs"}
    begun = {**head, "item.arguments": "", "item.output": None, "item.error": None, "item.approval_request_id": None}
    whole = {**head, "item.arguments": QUERY, "item.output": "a page", "item.error": None}
    play(
        pair,
        [
            respond(),
            "response.created",
            lambda: pair.calls("search", QUERY),
            ("response.output_item.added", {"response_id": "resp_1", "output_index": 0, **begun}),
            ("conversation.item.added", {"previous_item_id": "said", **begun}),
            ("response.mcp_call_arguments.delta", {"response_id": "resp_1", **where, "delta": QUERY}),
            ("response.mcp_call_arguments.done", {"response_id": "resp_1", **where, "arguments": QUERY}),
            ("response.mcp_call.in_progress", where),
            client_event("conversation.item.retrieve", item_id="item_2"),
            ("conversation.item.retrieved", {**head, "item.arguments": QUERY, "item.output": None}),
            lambda: pair.returns("a page"),
            ("response.mcp_call.completed", where),
            pair.finishes,
            ("conversation.item.done", {"previous_item_id": "said", **whole}),
            ("response.output_item.done", {"response_id": "resp_1", "output_index": 0, **whole}),
            ("response.done", {"response.status": "completed", "response.output.0.output": "a page"}),
        ],
    )


def test_the_next_response_reads_what_tools_returned(pair: Pair) -> None:
    begun(pair)
    pair.responds("Let me see.")
    assert types(pair.calls("search"))[-5:] == CALLED
    pair.returns("a page")
    pair.finishes()
    pair.send(respond())
    said, called = pair.take(Respond).context[-2:]
    assert isinstance(said, MessageItem)
    assert isinstance(called, McpCallItem)
    assert called.output == "a page"


def test_a_tool_that_fails_is_reported_and_read_too(pair: Pair) -> None:
    begun(pair)
    pair.calls("search")
    assert types(pair.returns(McpToolExecutionError(message="no such page"))) == FAILED
    assert types(pair.finishes()) == [*DONE, "response.done"]
    pair.send(respond())
    failed = pair.take(Respond).context[-1]
    assert isinstance(failed, McpCallItem)
    assert failed.error == McpToolExecutionError(message="no such page")


def test_several_calls_follow_one_another(pair: Pair) -> None:
    begun(pair)
    pair.calls("search", QUERY)
    assert types(pair.returns("of search")) == RETURNED
    assert types(pair.calls("read", QUERY)) == [*DONE, *CALLED]
    assert types(pair.returns("of read")) == RETURNED
    done = pair.finishes()[-1].to_json()["response"]
    assert [item["output"] for item in done["output"]] == ["of search", "of read"]


def test_one_call_at_a_time_ends_the_response_when_it_is_answered(pair: Pair) -> None:
    begun(pair, parallel_tool_calls=False)
    pair.calls("search")
    assert types(pair.returns("a page")) == [*RETURNED, *DONE, "response.done"]
    pair.take(StopResponse)
    assert pair.calls("read") == []


def test_what_is_said_behind_a_call_is_an_item_of_its_own(pair: Pair) -> None:
    begun(pair)
    pair.calls("search")
    pair.returns("a page")
    assert types(pair.responds("There."))[:3] == [*DONE, "response.output_item.added"]
    assert [item["type"] for item in pair.finishes()[-1].to_json()["response"]["output"]] == ["mcp_call", "message"]


def test_the_user_is_not_prompted_while_the_client_has_to_ask_for_a_response_to_a_call(pair: Pair) -> None:
    pair.send(update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}}))
    begun(pair)
    pair.calls("search")
    pair.returns("a page")
    pair.finishes()
    assert pair.advance(60) == []


def test_cancelling_ends_the_call_as_failed_and_what_it_returns_later_is_stale(pair: Pair) -> None:
    begun(pair)
    pair.calls("search")
    call = pair.take(McpCall)
    events = pair.send(client_event("response.cancel"))
    assert types(events) == [*FAILED, *DONE, "response.done"]
    assert events[1].to_json()["item"]["error"]["message"] == "the response ended before the tool had answered"
    pair.take(StopResponse)
    pair.server.mcp_called(call, "too late", now=pair.now)
    pair.send(respond())
    assert pair.received[-1].type == "response.created"
    read = pair.take(Respond).context[-1]
    assert isinstance(read, McpCallItem)
    assert read.output is None


def test_an_out_of_band_response_calls_without_touching_it(pair: Pair) -> None:
    listed(pair)
    pair.send(respond(conversation="none"))
    pair.take(Respond)
    assert types(pair.calls("search", QUERY)) == [CALLED[0], *CALLED[2:]]
    assert types(pair.returns("a page")) == RETURNED
    assert types(pair.finishes()) == [DONE[1], "response.done"]


# --- approval


def test_a_call_that_needs_approval_asks_for_it_and_the_response_ends(pair: Pair) -> None:
    begun(pair, APPROVED)
    events = pair.calls("search", QUERY)
    assert types(events) == ASKED
    item = {"type": REQUEST, "id": "item_2", "server_label": "docs", "name": "search", "arguments": QUERY}
    assert [event.to_json()["item"] for event in events] == [item] * 4
    assert types(pair.finishes()) == ["response.done"]
    assert pair.commands == []


def test_an_approved_call_is_made_by_a_response_of_its_own(pair: Pair) -> None:
    asked(pair)
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
    assert types(pair.finishes(response_id="resp_2")) == [*DONE, "response.done"]
    # The answer again, and one to an unknown request: ordinary items.
    for request_id in ("item_2", "unknown"):
        item = {"type": "mcp_approval_response", "approval_request_id": request_id, "approve": True}
        assert types(pair.send(create({**item, "id": f"again_{request_id}"}))) == [
            "conversation.item.added",
            "conversation.item.done",
        ]


def test_a_denied_call_is_never_made_and_the_model_may_say_something(pair: Pair) -> None:
    asked(pair)
    assert types(pair.send(answer("item_2", approve=False)))[-1] == "response.created"
    command = pair.take(Respond)
    assert command.approved == ()
    denial = command.context[-1]
    assert isinstance(denial, McpApprovalResponseItem)
    assert not denial.approve


def test_an_approval_that_comes_while_another_response_runs_waits_for_its_end(pair: Pair) -> None:
    begun(pair, APPROVED)
    pair.calls("search", QUERY)
    pair.calls("read")
    assert "response.created" not in types(pair.send(answer("item_2", approve=True)))
    pair.send(answer("item_3", approve=True))
    assert types(pair.finishes()) == ["response.done", "response.created"]
    assert pair.take(Respond).approved == ("item_2", "item_3")


def test_of_several_approved_calls_one_at_a_time_is_made(pair: Pair) -> None:
    begun(pair, APPROVED)
    pair.calls("search", QUERY)
    pair.calls("read")
    pair.send(answer("item_2", approve=True), answer("item_3", approve=True), update(parallel_tool_calls=False))
    pair.finishes()
    pair.take(Respond)
    pair.makes_approved_call("item_2", response_id="resp_2")
    assert types(pair.returns("a page"))[-1] == "response.done"
    pair.send(respond())
    assert [command.approved for command in pair.commands if isinstance(command, Respond)] == [("item_3",)]


def test_an_approved_call_of_a_response_that_was_cancelled_is_not_made_by_the_next(pair: Pair) -> None:
    asked(pair)
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
        events = pair.calls(tool)
        if "response.mcp_call.in_progress" in types(events):
            pair.returns("done")
        else:
            assert events[-1].to_json()["item"]["type"] == REQUEST
            asked.add(tool)
    assert asked == asking


@pytest.mark.parametrize("gone", ["the request", "the server", "the server's key"])
@pytest.mark.parametrize("when", ["asked", "allowed"])
def test_what_was_to_be_called_is_not_called_when_its_request_or_its_server_is_gone(
    pair: Pair, gone: str, when: str
) -> None:
    asked(pair)
    if when == "allowed":
        pair.send(answer("item_2", approve=True))
        assert pair.take(Respond).approved == ("item_2",)
    match gone:
        case "the request":
            pair.send(client_event("conversation.item.delete", item_id="item_2"))
        case "the server":
            pair.send(update(tools=[]))
        case _:
            pair.send(update(tools=[mcp(require_approval="always", authorization="other")]))
    if when == "asked":
        # An item like others: nothing is owed to it.
        assert types(pair.send(answer("item_2", approve=True))) == ["conversation.item.added", "conversation.item.done"]
    else:
        assert pair.makes_approved_call("item_2", response_id="resp_2") == []
    assert not any(isinstance(command, McpCall) for command in pair.commands)


def test_a_server_that_stays_keeps_its_requests_when_others_go(pair: Pair) -> None:
    asked(pair)
    pair.send(update(tools=[APPROVED], instructions="Be brief."))
    pair.send(answer("item_2", approve=True))
    assert pair.take(Respond).approved == ("item_2",)


def test_an_output_that_is_longer_than_an_item_may_be_fails_the_call() -> None:
    pair = Pair(SessionDefaults(max_item_bytes=10_000))
    pair.connect()
    begun(pair)
    pair.calls("search", QUERY)
    assert types(pair.returns("x" * 20_000)) == FAILED
    assert "too long" in str(pair.finishes()[0].to_json()["item"]["error"])


def test_servers_that_a_client_makes_up_for_one_response_after_the_other_are_forgotten(pair: Pair) -> None:
    for number in range(60):
        pair.send(respond(conversation="none", tools=[mcp(server_label=f"s{number}", headers={"k": "v" * 999})]))
        pair.send(client_event("response.cancel", response_id=f"resp_{number + 1}"))
    assert len(pair.server._responses.mcp._described) <= 17


def test_a_report_of_a_call_that_is_answered_or_of_another_item_is_stale(pair: Pair) -> None:
    listed(pair)
    pair.send(respond())
    pair.calls("search")
    first = pair.take(McpCall)
    pair.server.mcp_called(first, "a page", now=pair.now)
    pair.calls("read")
    pair.server.take_events()
    pair.server.mcp_called(first, "again", now=pair.now)
    assert pair.server.take_events() == []
    assert types(pair.returns("a page")) == RETURNED
    pair.responds("There.")
    pair.server.mcp_called(first, "again", now=pair.now)
    assert pair.server.take_events() == []
