"""What a conversation reports reaches its callbacks, one after another, until they are taken away."""

from __future__ import annotations

import logging

import pytest

from duologue.notices import ResponseFinished, TextDelta
from tests.client._frames import asks, serving
from tests.client._waiting import talking


async def test_callbacks_are_called_in_order_until_they_are_taken_away(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([step for n in (1, 2) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    called: list[object] = []

    def fail(notice: ResponseFinished) -> None:
        called.append(notice.event.response.id)
        raise ZeroDivisionError("not on purpose")

    async with talking(server) as conversation:
        conversation.on(TextDelta, lambda notice: called.append(notice.delta))
        remove = conversation.on(ResponseFinished, fail)
        with caplog.at_level(logging.ERROR, "duologue"):
            await conversation.respond(timeout=5)
        remove()
        remove()
        await conversation.respond(timeout=5)
    assert called == ["1", "r1", "2"]
    assert "a callback for ResponseFinished failed" in caplog.text
