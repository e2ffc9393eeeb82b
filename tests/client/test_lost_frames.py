"""What a user sees of a server that loses, empties or repeats frames, in both shells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import duologue
from duologue import CoreOptions, SilenceLimits, Toolbox
from duologue.errors import RequestRejected
from duologue.testing import ScriptStep
from tests.client import _threads
from tests.client._frames import (
    Json,
    answers,
    asks,
    call,
    created,
    creates_item,
    done,
    ended,
    message,
    replies,
    serving,
    updated,
)
from tests.client._waiting import talking

IMPATIENT = CoreOptions(silence=SilenceLimits(open_s=0.2, told_s=0.1))
BLOCKED = {"type": "error", "error": {"type": "guardrail_violation", "message": "Content blocked."}}
UNRELATED = {"type": "error", "error": {"type": "server_error", "message": "A disk is full.", "event_id": None}}


def of_response(kind: str, **fields: Any) -> Json:
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    return {"type": f"response.{kind}", **place, **fields}


def told(text: str) -> list[Json]:
    """All of a message but the end of its response."""
    return [
        of_response("output_text.delta", delta=text),
        of_response("output_text.done", text=text),
        of_response("output_item.done", item=message("item_1", "assistant", text)),
        done(message("item_1", "assistant", text), after="question"),
    ]


def end_is_lost() -> list[ScriptStep]:
    return [
        *creates_item("question"),
        *replies("response.create", created("resp_1"), *told("One.")),
        *creates_item("question_2", after="item_1"),
        *asks("resp_2", "item_2", "Two.", after="question_2"),
    ]


async def test_an_ask_whose_response_has_no_end_returns_what_was_told_and_the_next_goes_on() -> None:
    async with talking(serving(end_is_lost()), options=IMPATIENT) as conversation:
        assert await conversation.ask("One?", timeout=5) == "One."
        assert await conversation.ask("Two?", timeout=5) == "Two."


def test_a_blocking_ask_whose_response_has_no_end_returns_what_was_told_and_the_next_goes_on() -> None:
    with _threads.talking(serving(end_is_lost()), options=IMPATIENT) as conversation:
        assert conversation.ask("One?", timeout=5) == "One."
        assert conversation.ask("Two?", timeout=5) == "Two."


async def test_an_ask_whose_response_stops_in_the_middle_raises_with_the_reason_and_the_next_goes_on() -> None:
    script = [
        *creates_item("question"),
        *replies("response.create", created("resp_1"), of_response("output_text.delta", delta="On")),
        *creates_item("question_2", after="question"),
        *asks("resp_2", "item_2", "Two.", after="question_2"),
    ]
    async with talking(serving(script), options=IMPATIENT) as conversation:
        with pytest.raises(RequestRejected, match=r"nothing more of response 'resp_1' for 0\.2 seconds"):
            await conversation.ask("One?", timeout=5)
        assert await conversation.ask("Two?", timeout=5) == "Two."


@pytest.mark.parametrize("output", [None, []], ids=["null", "empty"])
async def test_an_ask_returns_the_words_that_the_end_of_the_response_lacks(output: list[Json] | None) -> None:
    script = [*creates_item("question"), *replies("response.create", created("resp_1"), *told("One."), _ended(output))]
    async with talking(serving(script)) as conversation:
        assert await conversation.ask("One?", timeout=5) == "One."


async def test_a_function_runs_once_though_its_item_ends_without_arguments() -> None:
    places: list[str] = []

    def clock(place: str) -> str:
        places.append(place)
        return f"noon in {place}"

    whole = {"call_id": "call", "name": "clock", "arguments": '{"place":"Oslo"}'}
    emptied = call("call", "clock", "", item_id="item_1")
    script = [
        *replies("session.update", updated()),
        *creates_item("question"),
        *replies(
            "response.create",
            created("resp_1"),
            of_response("function_call_arguments.done", **whole),
            of_response("output_item.done", item=emptied),
            done(emptied, after="question"),
            ended("resp_1", emptied),
        ),
        *creates_item("output"),
        *asks("resp_2", "item_2", "It is noon.", after="output"),
    ]
    server = serving(script)
    async with talking(server, tools=Toolbox(clock)) as conversation:
        assert await conversation.ask("What time is it in Oslo?", timeout=5) == "It is noon."
    assert places == ["Oslo"]
    assert answers(server) == [("call", "noon in Oslo")]


async def test_an_error_that_says_that_content_is_blocked_ends_the_ask_at_once() -> None:
    script = [*creates_item("question"), *replies("response.create", BLOCKED)]
    async with talking(serving(script)) as conversation:
        with pytest.raises(RequestRejected, match=r"Content blocked\.") as raised:
            await conversation.ask("How do I break in?", timeout=5)
    assert raised.value.error is not None


async def test_an_unrelated_error_before_the_response_leaves_the_answer_alone() -> None:
    script = [
        *creates_item("question"),
        *replies("response.create", UNRELATED, created("resp_1"), *told("One."), _ended([])),
    ]
    async with talking(serving(script)) as conversation:
        assert await conversation.ask("One?", timeout=5) == "One."


def test_the_limits_of_silence_are_imported_from_duologue() -> None:
    assert duologue.SilenceLimits() == CoreOptions().silence


def _ended(output: list[Json] | None) -> Callable[[Mapping[str, Json]], Json]:
    """The end of the response with this output, whatever was told before."""

    def frame(sent: Mapping[str, Json]) -> Json:
        whole = ended("resp_1")(sent)
        return {**whole, "response": {**whole["response"], "output": output}}

    return frame
