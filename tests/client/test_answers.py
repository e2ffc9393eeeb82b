"""What an answer is made of: the text of its own responses, until no other follows; and how it ended."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
from typing import Any

import pytest

from duologue import Answer
from duologue.errors import RequestRejected
from duologue.notices import ResponseFinished
from duologue.testing import Drop, Expect, ScriptStep, Send, Until
from tests.client._frames import (
    added,
    answer,
    answers,
    asks,
    call,
    calling,
    created,
    creates_item,
    ended,
    message,
    replies,
    serving,
    tool_turn,
    unasked,
)
from tests.client._waiting import following, talking


def ends_with(status: str, text: str = "Well,", **details: Any) -> list[ScriptStep]:
    """The user types, and the response ends in this way."""
    item = message("item_2", "assistant", text, status="incomplete")
    done = ended("resp_1", item, status=status, status_details={"type": status, **details})
    return [
        *creates_item("item_1"),
        *replies("response.create", created("resp_1"), added(item, after="item_1"), done),
    ]


def turn(number: int, text: str) -> list[ScriptStep]:
    """The user types, and gets this text."""
    items = [f"item_{number}0", f"item_{number}1"]
    return [*creates_item(items[0]), *asks(f"resp_{number}", items[1], text, after=items[0])]


# --- how it ended


async def test_a_whole_answer_is_a_string_that_says_so() -> None:
    async with talking(serving(turn(1, "Yes."))) as conversation:
        found = await conversation.ask("Well?", timeout=5)
    assert isinstance(found, str)
    assert (found, found.text, repr(found)) == ("Yes.", "Yes.", "'Yes.'")
    assert (found.status, found.interrupted, found.incomplete_reason) == ("completed", False, None)
    assert found.response.response.id == "resp_1"
    assert found.responses == (found.response,)


async def test_an_answer_that_is_cut_by_a_limit_cannot_pass_as_a_whole_one() -> None:
    server = serving(ends_with("incomplete", reason="max_output_tokens"))
    async with talking(server) as conversation:
        found = await conversation.ask("Well?", timeout=5)
    assert (found.status, found.interrupted, found.incomplete_reason) == ("incomplete", False, "max_output_tokens")
    assert repr(found) == "Answer('Well,', status='incomplete', incomplete_reason='max_output_tokens')"


async def test_an_answer_that_the_user_interrupts_says_so() -> None:
    server = serving(ends_with("cancelled", "", reason="turn_detected"))
    async with talking(server) as conversation:
        found = await conversation.ask("Well?", timeout=5)
    assert (found.text, found.status, found.interrupted) == ("", "cancelled", True)
    assert found.incomplete_reason is None
    assert repr(found) == "Answer('', status='cancelled', interrupted=True)"


async def test_an_answer_can_be_copied_and_pickled() -> None:
    server = serving(ends_with("incomplete", reason="content_filter"))
    async with talking(server) as conversation:
        found = await conversation.ask("Well?", timeout=5)
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert isinstance(same, Answer)
        assert (same, same.status, same.incomplete_reason) == ("Well,", "incomplete", "content_filter")


async def test_pain_09_a_response_that_failed_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    error = {"type": "rate_limit_error", "code": "x", "message": "Too many tokens."}
    server = serving(ends_with("failed", error=error))
    with caplog.at_level(logging.ERROR):
        async with talking(server) as conversation:
            with pytest.raises(RequestRejected, match="Too many tokens"):
                await conversation.ask("hello", timeout=5)
    assert caplog.records == []


async def test_words_that_were_told_are_the_answer_even_if_the_end_of_the_response_lists_nothing() -> None:
    frames = answer("resp_1", "item_2", "Yes.", after="item_1")[:-1]
    server = serving([*creates_item("item_1"), *replies("response.create", *frames, ended("resp_1"))])
    async with talking(server) as conversation:
        assert await conversation.ask("Well?", timeout=5) == "Yes."


# --- two at once


async def test_two_questions_at_once_get_each_its_own_answer() -> None:
    server = serving([*turn(1, "One."), *turn(2, "Two.")])
    async with talking(server) as conversation:
        found = await asyncio.gather(conversation.ask("First?", timeout=5), conversation.ask("Second?", timeout=5))
    assert [each.text for each in found] == ["One.", "Two."]
    assert server.types(0) == ["conversation.item.create", "response.create"] * 2


async def test_a_question_that_is_given_up_before_its_turn_has_sent_nothing_and_harms_no_other() -> None:
    server = serving([*turn(1, "One."), *turn(2, "Three.")])
    async with talking(server) as conversation:
        first, second, third = (
            asyncio.ensure_future(conversation.ask(text, timeout=5)) for text in ("First?", "Second?", "Third?")
        )
        await asyncio.sleep(0)
        second.cancel()
        assert [await first, await third] == ["One.", "Three."]
    texts = [event["item"]["content"][0]["text"] for event in server.received[0] if "item" in event]
    assert texts == ["First?", "Third?"]


async def test_a_question_that_is_given_up_while_it_is_answered_leaves_the_next_its_own_answer() -> None:
    go_on = asyncio.Event()
    first_done: list[ScriptStep] = [
        Until(go_on),
        Send(*(frame for frame in answer("resp_1", "item_2", "One.", after="item_1")[1:])),
    ]
    server = serving(
        [
            *creates_item("item_1"),
            *replies("response.create", created("resp_1")),
            Expect("conversation.item.create"),
            *first_done,
            *asks("resp_2", "item_4", "Two.", after="item_2"),
        ]
    )
    async with talking(server) as conversation:
        first = asyncio.ensure_future(conversation.ask("First?", timeout=5))
        async with conversation.stream("response.created") as begun:
            await following(begun)
        first.cancel()
        second = asyncio.ensure_future(conversation.ask("Second?", timeout=5))
        await asyncio.sleep(0)
        go_on.set()
        assert await second == "Two."


async def test_a_response_that_the_server_starts_meanwhile_is_no_part_of_an_answer() -> None:
    server = serving(
        [
            Expect("session.update"),
            Send({"type": "session.updated", "session": {"type": "realtime", "id": "s", "object": "realtime.session"}}),
            *creates_item("item_1"),
            *replies("response.create", *calling("resp_1", call("call_1", "look", "{}"))),
            # The user has spoken, and the server answers that while the function runs.
            Send(*(unasked(frame) if callable(frame) else frame for frame in answer("resp_vad", "item_v", "Hm?"))),
            Expect("conversation.item.create"),
            *asks("resp_2", "item_3", "It rains."),
        ]
    )
    look_up = asyncio.Event()

    async def look() -> str:
        await look_up.wait()
        return "rain"

    async with talking(server, tools=[look]) as conversation, conversation.stream(ResponseFinished) as ends:
        asking = asyncio.ensure_future(conversation.ask("The weather?", timeout=5))
        await following(ends, 2)
        look_up.set()
        assert await asking == "It rains."


async def test_a_response_that_another_task_asks_for_is_no_part_of_an_answer() -> None:
    look_up = asyncio.Event()

    async def look() -> str:
        await look_up.wait()
        return "rain"

    steps = tool_turn(call("call_1", "look", "{}"), reply="It rains.")
    other = asks("resp_other", "item_o", "Something else.")
    server = serving([*steps[:6], *other, *steps[6:]])
    async with talking(server, tools=[look]) as conversation, conversation.stream(ResponseFinished) as ends:
        asking = asyncio.ensure_future(conversation.ask("The weather?", timeout=5))
        await following(ends)
        done = await conversation.respond(timeout=5)
        look_up.set()
        found = await asking
    assert done.response.id == "resp_other"
    assert (found, [each.response.id for each in found.responses]) == ("It rains.", ["resp_1", "resp_2"])
    assert answers(server) == [("call_1", "rain")]


async def test_a_function_may_ask_while_the_answer_waits_for_it() -> None:
    async def second_opinion() -> str:
        return await conversation.ask("What would you say?", timeout=5)

    server = serving(
        [
            Expect("session.update"),
            Send({"type": "session.updated", "session": {"type": "realtime", "id": "s", "object": "realtime.session"}}),
            *creates_item("item_1"),
            *replies("response.create", *calling("resp_1", call("call_1", "second_opinion", "{}"))),
            *turn(5, "Perhaps."),
            Expect("conversation.item.create"),
            *asks("resp_2", "item_9", "Perhaps, says the other."),
        ]
    )
    async with talking(server, tools=[second_opinion]) as conversation:
        assert await conversation.ask("Well?", timeout=5) == "Perhaps, says the other."
    assert answers(server) == [("call_1", "Perhaps.")]


async def test_a_question_ends_with_the_connection_and_the_next_one_is_asked_on_another() -> None:
    server = serving(
        [*creates_item("item_1"), Expect("response.create"), Drop()],
        [Expect("conversation.item.create"), *turn(2, "Two.")],
    )
    async with talking(server) as conversation:
        with pytest.raises(RequestRejected):
            await conversation.ask("First?", timeout=5)
        await conversation.restored(timeout=5)
        assert await conversation.ask("Second?", timeout=5) == "Two."
