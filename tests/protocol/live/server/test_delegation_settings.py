"""Settings of a session's delegation."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.live.server import LiveReply
from tests.protocol.live.server._session import Session

TOOL = {"type": "function", "name": "track", "parameters": {"type": "object"}}


def responses(**fields: Any) -> dict[str, Any]:
    return {"type": "responses", "responses": {"model": "text-1", **fields}}


@pytest.mark.parametrize(
    ("delegation", "param"),
    [
        ({"type": "responses"}, "responses"),
        ({"type": "responses", "responses": {}}, "responses.model"),
        (responses(tools=[{"type": "web_search"}]), "responses.tools[0].type"),
        (responses(tools=[{"type": "mcp", "server_label": "x"}]), "responses.tools[0].type"),
        (responses(tools=[{"type": "function", "name": "a b"}]), "responses.tools[0].name"),
        (responses(tools=[TOOL, TOOL]), "responses.tools[1].name"),
        (responses(tools=[{**TOOL, "parameters": []}]), "responses.tools[0].parameters"),
        (responses(tools=[{**TOOL, "name": f"f{number}"} for number in range(129)]), "responses.tools"),
        (responses(tool_choice="perhaps"), "responses.tool_choice"),
        (responses(tool_choice={"type": "function", "name": "track"}), "responses.tool_choice.name"),
        (responses(tool_choice={"type": "mcp", "server_label": "x"}), "responses.tool_choice"),
        (responses(max_output_tokens=0), "responses.max_output_tokens"),
        ({"type": "client", "acknowledgement_delay_ms": -1}, "acknowledgement_delay_ms"),
    ],
)
def test_a_setting_that_does_not_hold_refuses_the_start(delegation: dict[str, Any], param: str) -> None:
    session = Session(start=False)
    session.start({"model": "gpt-live-1", "delegation": delegation})
    (error,) = session.events("error")
    assert error["error"]["param"] == f"session.delegation.{param}"
    assert error["error"]["code"] in ("invalid_value", "missing_required_parameter")


def test_an_update_merges_fields_and_replaces_the_list_of_tools() -> None:
    session = Session(config={"model": "gpt-live-1", "delegation": responses(tools=[TOOL], max_output_tokens=50)})
    other = {"type": "function", "name": "cancel"}
    update = {"tools": [other], "tool_choice": {"type": "function", "name": "cancel"}, "max_output_tokens": None}
    session.client("session.update", session={"delegation": {"type": "responses", "responses": update}})
    shown = session.events("session.updated")[0]["session"]["delegation"]["responses"]
    assert shown == {"model": "text-1", "tools": [other], "tool_choice": update["tool_choice"]}
    session.says("Hello?")
    (reply,) = session.of(LiveReply)
    assert [function.name for function in reply.functions] == ["cancel"]
    assert (reply.function_choice, reply.max_output_tokens) == ("cancel", None)


def test_an_update_that_leaves_an_invalid_whole_is_refused() -> None:
    choice = {"type": "function", "name": "track"}
    session = Session(config={"model": "gpt-live-1", "delegation": responses(tools=[TOOL], tool_choice=choice)})
    session.client("session.update", session={"delegation": {"type": "responses", "responses": {"tools": []}}})
    (error,) = session.events("error")
    assert error["error"]["param"] == "session.delegation.responses.tool_choice.name"
