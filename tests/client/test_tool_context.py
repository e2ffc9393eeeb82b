"""Functions of the model that get their conversation and their call, in both shells."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from duologue import Conversation, ToolContext
from duologue.client.blocking import BlockingConversation
from duologue.events import FunctionCallItem
from tests.client import _threads
from tests.client._frames import answers, call, serving, tool_turn
from tests.client._waiting import talking

ARGUMENTS = '{"city":"Oslo"}'


async def test_an_async_function_gets_its_conversation_and_its_call() -> None:
    seen: list[Any] = []

    async def weather(city: str, context: ToolContext, conversation: Conversation) -> str:
        assert context.conversation is conversation
        seen.append(conversation)
        assert context.item == FunctionCallItem(
            id="item_call_1", call_id="call_1", name="weather", arguments=ARGUMENTS, status="completed"
        )
        first = conversation.items[0].text
        return f"{city}, as asked: {first}, in {context.response_id}, {context!r}"

    server = serving(tool_turn(call("call_1", "weather", ARGUMENTS)))
    async with talking(server, tools=[weather]) as conversation:
        await conversation.ask("Will it rain?", timeout=5)
        assert seen == [conversation]
    [(call_id, told)] = answers(server)
    assert call_id == "call_1"
    assert told == "Oslo, as asked: Will it rain?, in resp_1, ToolContext('weather', call_id='call_1')"
    assert list(server.received[0][0]["session"]["tools"][0]["parameters"]["properties"]) == ["city"]


def test_a_sync_function_of_a_blocking_conversation_gets_that_one() -> None:
    seen: list[Any] = []

    def weather(city: str, context: ToolContext[BlockingConversation], conversation: BlockingConversation) -> str:
        seen.extend((context.conversation, conversation))
        return f"{city}, as asked: {conversation.items[0].text}"

    server = serving(tool_turn(call("call_1", "weather", ARGUMENTS)))
    with _threads.talking(server, tools=[weather]) as conversation:
        conversation.ask("Will it rain?", timeout=5)
        assert seen == [conversation, conversation]
    assert answers(server) == [("call_1", "Oslo, as asked: Will it rain?")]


def test_an_async_function_of_a_blocking_conversation_gets_the_one_behind_it() -> None:
    seen: list[Any] = []

    async def weather(city: str, context: ToolContext, conversation: Conversation) -> str:
        seen.extend((context.conversation, conversation))
        return city

    server = serving(tool_turn(call("call_1", "weather", ARGUMENTS)))
    with _threads.talking(server, tools=[weather]) as conversation:
        conversation.ask("Will it rain?", timeout=5)
    assert [type(each) for each in seen] == [Conversation, Conversation]


async def test_a_function_that_wants_a_blocking_conversation_of_an_async_one_fails_with_a_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def weather(city: str, conversation: BlockingConversation) -> str:
        return city

    server = serving(tool_turn(call("call_1", "weather", ARGUMENTS)))
    with caplog.at_level(logging.ERROR):
        async with talking(server, tools=[weather]) as conversation:
            await conversation.ask("Will it rain?", timeout=5)
    assert answers(server) == [("call_1", "The call failed: weather failed with TypeError.")]
    assert "parameter 'conversation' is a BlockingConversation, but this conversation is a Conversation" in caplog.text


async def test_wrong_arguments_are_told_to_the_model_and_are_no_fault_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def weather(city: str) -> str:
        return city

    server = serving(tool_turn(call("call_1", "weather", '{"town":"Oslo"}')))
    with caplog.at_level(logging.WARNING):
        async with talking(server, tools=[weather]) as conversation:
            await conversation.ask("Will it rain?", timeout=5)
    assert answers(server) == [
        (
            "call_1",
            "The arguments of weather do not fit its parameters: city: it is missing; "
            "town: there is no such parameter. Nothing was done.",
        )
    ]
    assert caplog.records == []
