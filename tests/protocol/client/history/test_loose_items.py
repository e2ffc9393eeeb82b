"""An answer that is told with an event of its item alone belongs to the response that it came in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client._frames import added, created, creates_item, done, ended, message, replies, serving
from tests.client._waiting import talking

ANSWER = message("item_2", "assistant", "Yes.")


@pytest.mark.parametrize("frame", [done(ANSWER), {**added(ANSWER), "type": "conversation.item.created"}])
async def test_words_that_only_an_event_of_the_item_tells_are_the_answer(frame: dict[str, Any]) -> None:
    turn = replies("response.create", created("resp_1"), frame, ended("resp_1"))
    async with talking(serving([*creates_item("item_1"), *turn])) as conversation:
        assert await conversation.ask("Well?", timeout=5) == "Yes."


async def test_the_words_of_an_earlier_response_are_not_those_of_an_empty_one() -> None:
    first = replies("response.create", created("resp_1"), done(ANSWER), ended("resp_1"))
    second = replies("response.create", created("resp_2"), ended("resp_2"))
    script = [*creates_item("item_1"), *first, *creates_item("item_3"), *second]
    async with talking(serving(script)) as conversation:
        assert await conversation.ask("Well?", timeout=5) == "Yes."
        assert await conversation.ask("And?", timeout=5) == ""
