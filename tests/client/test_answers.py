"""What an answer is made of: the text of its responses, until no other follows."""

from __future__ import annotations

import logging
from typing import Any, Literal

import pytest

from duologue.client import converse
from duologue.errors import RequestRejected
from duologue.testing import Expect, ScriptedServer, ScriptStep, Send
from tests.client._frames import (
    answer,
    call,
    calling,
    created,
    ended,
    greeting,
    taken,
    updated,
)
from tests.client._waiting import no_task_left


async def test_pain_09_a_response_that_failed_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    details = {"type": "failed", "error": {"type": "rate_limit_error", "code": "x", "message": "Too many tokens."}}
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(created("resp_1"), ended("resp_1", status="failed", status_details=details)),
        ]
    )
    with caplog.at_level(logging.ERROR):
        async with no_task_left(), converse(open_connection=server.connect) as conversation:
            with pytest.raises(RequestRejected, match="Too many tokens"):
                await conversation.ask("hello", timeout=5)
    assert caplog.records == []


def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather in a city."""
    return f"Rain in {city}, 7 {unit}"


def script(*calls: dict[str, Any], reply: str = "There.") -> list[ScriptStep]:
    """The user asks, the model calls, the client answers, the model goes on."""
    steps: list[ScriptStep] = [
        Send(greeting()),
        Expect("session.update"),
        Send(updated()),
        Expect("conversation.item.create"),
        Send(*taken("item_1")),
        Expect("response.create"),
        Send(*calling("resp_1", *calls)),
    ]
    for each in calls:
        steps += [Expect("conversation.item.create"), Send(*taken(f"item_{each['call_id']}_answer"))]
    return [*steps, Expect("response.create"), Send(*answer("resp_2", "item_9", reply))]


def answers(server: ScriptedServer, connection: int = 0) -> list[tuple[str, str]]:
    """Answers to calls, in the order in which they came: call id and text."""
    items = [event["item"] for event in server.received[connection] if event["type"] == "conversation.item.create"]
    return [(item["call_id"], item["output"]) for item in items if item["type"] == "function_call_output"]


async def test_a_question_is_answered_when_the_functions_are_and_the_model_has_gone_on() -> None:
    server = ScriptedServer(script(call("call_1", "weather", '{"city":"Oslo"}'), reply="It rains in Oslo."))
    async with no_task_left(), converse(open_connection=server.connect, tools=[weather]) as conversation:
        assert await conversation.ask("The weather in Oslo?", timeout=5) == "It rains in Oslo."
    assert answers(server) == [("call_1", "Rain in Oslo, 7 celsius")]
    assert server.received[0][0]["session"]["tools"][0]["name"] == "weather"
    assert server.faults == []
