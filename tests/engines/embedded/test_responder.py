"""The embedded responder keeps the contract and speaks by clauses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from duologue.engines.base import Function, FunctionCall
from duologue.engines.checks import check_responder, responder_request
from duologue.engines.embedded.responder import EmbeddedResponder


async def test_the_embedded_responder_keeps_the_contract() -> None:
    await check_responder(EmbeddedResponder())


async def test_an_answer_comes_by_clauses_that_join_to_it() -> None:
    pieces = [piece async for piece in EmbeddedResponder().respond(responder_request("Hello!"))]
    assert pieces == ["Hello! ", "What can I do for you?"]


async def test_marks_inside_a_number_end_no_clause() -> None:
    pieces = [piece async for piece in EmbeddedResponder().respond(responder_request("What time is it?"))]
    assert pieces == ["It is 3:09 PM."]


HAND_OVER = Function(name="hand_over", description="Someone else answers.", fallback=True)
WEATHER = Function(name="get_weather", description="The weather.", parameters={"type": "object", "properties": {}})


async def answered(*said: str, functions: Sequence[Function], choice: str = "auto") -> list[str | FunctionCall]:
    request = responder_request(*said, functions=functions, function_choice=choice)
    return [piece async for piece in EmbeddedResponder().respond(request)]


async def test_what_no_intent_answers_is_handed_over_where_that_is_offered() -> None:
    assert await answered("When does my parcel arrive?", functions=[HAND_OVER]) == [
        FunctionCall(name="hand_over", arguments="{}")
    ]


@pytest.mark.parametrize("said", ["What is two plus three?", "What time is it?", "Hello!"])
async def test_what_an_intent_answers_is_not_handed_over(said: str) -> None:
    pieces = await answered(said, functions=[HAND_OVER])
    assert pieces
    assert all(isinstance(piece, str) for piece in pieces)


async def test_a_tool_that_is_asked_for_is_called_and_not_the_one_that_hands_over() -> None:
    [call] = await answered("Call the tool get weather.", functions=[HAND_OVER, WEATHER])
    assert isinstance(call, FunctionCall)
    assert call.name == "get_weather"


async def test_nothing_is_handed_over_where_calls_are_forbidden() -> None:
    pieces = await answered("When does my parcel arrive?", functions=[HAND_OVER], choice="none")
    assert "".join(map(str, pieces)) == 'I heard: "When does my parcel arrive?"'
