"""What a conversation reports reaches its streams and callbacks; what cannot be asked for is said at once."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from duologue.errors import DuologueError
from duologue.events import ResponseDoneEvent
from duologue.notices import ResponseFinished, TextDelta
from tests.client._frames import asks, serving
from tests.client._waiting import following, talking

ANSWERS = [step for n in (1, 2) for step in asks(f"r{n}", f"i{n}", f"{n}")]


class BrokenSink:
    """A sink that fails at everything."""

    def put(self, notice: object) -> None:
        raise ZeroDivisionError("not on purpose")

    def end(self, fault: DuologueError) -> None:
        raise ZeroDivisionError("not on purpose either")


async def test_callbacks_are_called_in_order_until_they_are_taken_away(caplog: pytest.LogCaptureFixture) -> None:
    called: list[object] = []

    def fail(notice: ResponseFinished) -> None:
        called.append(notice.event.response.id)
        raise ZeroDivisionError("not on purpose")

    async with talking(serving(ANSWERS)) as conversation:
        conversation.on(TextDelta, lambda notice: called.append(notice.delta))
        remove = conversation.on(ResponseFinished, fail)
        with caplog.at_level(logging.ERROR, "duologue"):
            await conversation.respond(timeout=5)
        remove()
        remove()
        await conversation.respond(timeout=5)
    assert called == ["1", "r1", "2"]
    assert "a callback for ResponseFinished failed" in caplog.text


async def test_wire_names_are_kinds() -> None:
    called: list[ResponseDoneEvent] = []
    async with (
        talking(serving(ANSWERS)) as conversation,
        conversation.stream("response.done", "response.text.delta") as events,
    ):
        conversation.on("response.done", called.append)
        await conversation.respond(timeout=5)
        found = await following(events, 2)
    assert [event.type for event in found] == ["response.output_text.delta", "response.done"]
    assert [event.response.id for event in called] == ["r1"]


async def test_a_callback_for_a_wire_name_leaves_the_answer_alone(capsys: pytest.CaptureFixture[str]) -> None:
    async with talking(serving(ANSWERS)) as conversation:
        conversation.on("response.done", print)
        assert (await conversation.respond(timeout=5)).response.id == "r1"
    assert "ResponseDoneEvent" in capsys.readouterr().out


async def test_a_kind_that_is_none_is_an_error_where_it_is_asked_for() -> None:
    wrong: Any = 7
    async with talking(serving([])) as conversation:
        with pytest.raises(ValueError, match=r"did you mean 'response\.done'"):
            conversation.on("response.dome", print)
        with pytest.raises(TypeError, match="7 is no kind"):
            conversation.on(wrong, print)
        with pytest.raises(TypeError, match="a callback is a function"):
            conversation.on(TextDelta, wrong)
        with pytest.raises(ValueError, match=r"did you mean 'response\.done'"):
            conversation.stream("response.dome")  # without entering the block
        with pytest.raises(TypeError, match="7 is no kind"):
            conversation.stream(TextDelta, wrong)
        with pytest.raises(TypeError, match="no kind is given"):
            conversation.stream()


async def test_a_callback_that_asks_a_cancelled_future_for_its_result_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    async with talking(serving(ANSWERS)) as conversation:
        conversation.on(TextDelta, lambda _: cancelled.result())
        assert (await conversation.respond(timeout=5)).response.id == "r1"
    assert "a callback for TextDelta failed" in caplog.text


async def test_a_sink_that_fails_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with talking(serving(ANSWERS)) as conversation, conversation.stream(TextDelta) as texts:
        conversation.attach(BrokenSink())
        assert (await conversation.respond(timeout=5)).response.id == "r1"
        assert (await following(texts))[0].delta == "1"
    assert "a stream failed at a" in caplog.text
    assert caplog.text.count("a stream did not end cleanly") == 1


async def test_a_stream_that_fails_is_an_error_for_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(serving(ANSWERS)) as conversation, conversation.stream(TextDelta) as texts:
        broken = conversation.stream(TextDelta)
        async with broken as notices:

            def fail(_: object) -> None:
                raise ZeroDivisionError("not on purpose")

            monkeypatch.setattr(notices, "put", fail)
            await conversation.respond(timeout=5)
            with pytest.raises(DuologueError, match="the stream failed: not on purpose"):
                await following(notices)
        await following(texts)
