"""Coroutine functions as callbacks: one call after another, within limits, and gone with the conversation."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
import pytest

from duologue.client.asyncio.awaited_callback import AwaitedCallback
from duologue.notices import AudioDelta, ResponseFinished, TextDelta
from tests.client._frames import asks, serving, spoken
from tests.client._waiting import talking

TEXT = TextDelta(response_id="r", item_id="i", content_index=0, delta="x", spoken=False)
MODULE = "duologue.client.asyncio.awaited_callback"


async def test_coroutine_functions_run_in_order_beside_the_conversation(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([step for n in (1, 2, 3) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    go_on, called, finished = asyncio.Event(), list[str](), asyncio.Event()

    async def store(notice: TextDelta) -> None:
        await go_on.wait()
        called.append(notice.delta)
        if notice.delta == "1":
            raise ZeroDivisionError("not on purpose")
        if notice.delta == "2":
            raise asyncio.CancelledError  # what it waited for was cancelled
        finished.set()

    async with talking(server) as conversation:
        conversation.on(TextDelta, store)
        for _ in range(3):
            await conversation.respond(timeout=5)  # which no callback holds up
        assert called == []
        go_on.set()
        await asyncio.wait_for(finished.wait(), 5)
    assert called == ["1", "2", "3"]
    assert "a callback for TextDelta failed" in caplog.text
    assert "a callback for TextDelta was cancelled" in caplog.text


async def test_whatever_can_be_awaited_is_awaited() -> None:
    called: list[str] = []

    async def store(name: str, notice: TextDelta) -> None:
        called.append(name + notice.delta)

    class Store:
        async def __call__(self, notice: TextDelta) -> None:
            await store("object", notice)

    async with talking(serving([*asks("r1", "i1", "1")])) as conversation:
        conversation.on(TextDelta, partial(store, "partial"))
        conversation.on(TextDelta, lambda notice: asyncio.ensure_future(store("task", notice)))
        conversation.on(TextDelta, Store())
        await conversation.respond(timeout=5)
    assert sorted(called) == ["object1", "partial1", "task1"]


async def test_a_callback_that_asks_the_conversation_itself_gets_an_answer() -> None:
    server = serving([step for n in (1, 2) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    found: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async with talking(server) as conversation:

        async def ask_again(notice: ResponseFinished) -> None:
            remove()
            done = await conversation.respond(timeout=5)
            found.set_result(str(done.response.id))

        remove = conversation.on(ResponseFinished, ask_again)
        await conversation.respond(timeout=5)
        assert await asyncio.wait_for(found, 5) == "r2"


async def test_a_callback_that_is_taken_away_is_not_called_for_what_waits() -> None:
    server = serving([step for n in (1, 2) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    begun, go_on, called = asyncio.Event(), asyncio.Event(), list[str]()

    async def store(notice: TextDelta) -> None:
        called.append(notice.delta)
        begun.set()
        await go_on.wait()

    async with talking(server) as conversation:
        remove = conversation.on(TextDelta, store)
        await conversation.respond(timeout=5)
        await asyncio.wait_for(begun.wait(), 5)
        await conversation.respond(timeout=5)
        remove()
        remove()
        go_on.set()
    assert called == ["1"]


async def test_a_callback_that_never_returns_does_not_keep_the_conversation_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{MODULE}._STOP_S", 0.02)
    cancelled = asyncio.Event()

    async def stuck(_: TextDelta) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with talking(serving([*asks("r1", "i1", "1")])) as conversation:
        conversation.on(TextDelta, stuck)
        await conversation.respond(timeout=5)
    assert cancelled.is_set()


async def test_a_callback_may_close_its_conversation() -> None:
    closed = asyncio.Event()

    async def close(_: TextDelta) -> None:
        await conversation.close()
        closed.set()

    async with talking(serving([*asks("r1", "i1", "1")])) as conversation:
        conversation.on(TextDelta, close)
        asking = asyncio.ensure_future(conversation.respond())
        await asyncio.wait_for(closed.wait(), 5)
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("limit", ["MAX_UNREAD_NOTICES", "MAX_UNREAD_BYTES"])
async def test_a_callback_that_is_too_slow_is_called_no_more_and_the_log_says_so(
    limit: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{MODULE}.{limit}", 3)
    go_on, called = asyncio.Event(), list[int]()

    async def slow(number: int) -> None:
        await go_on.wait()
        called.append(number)

    callback = AwaitedCallback("TextDelta")
    for number in range(3):
        callback.put(slow(number), TEXT)
    await asyncio.sleep(0)  # the first runs
    for number in range(3, 9):
        callback.put(slow(number), TEXT)
    assert callback.is_over
    go_on.set()
    await callback.close(closer=None)
    assert called == [0]
    assert caplog.text.count("a callback for TextDelta is too slow; it is not called any more") == 1


async def test_what_came_before_the_end_still_reaches_a_coroutine_function() -> None:
    seen: list[str] = []

    async def store(notice: TextDelta) -> None:
        await asyncio.sleep(0)
        seen.append(notice.delta)

    async with talking(serving([*asks("r1", "i1", "1")])) as conversation:
        conversation.on(TextDelta, store)
        await conversation.respond(timeout=5)
    assert seen == ["1"]


async def test_a_slow_coroutine_function_gets_no_speech_that_was_cut_meanwhile() -> None:
    go_on, heard = asyncio.Event(), list[AudioDelta]()

    async def play(piece: AudioDelta) -> None:
        await go_on.wait()
        heard.append(piece)

    cut, kept = spoken(960), msgspec.structs.replace(spoken(960), item_id="item_2")
    callback = AwaitedCallback("AudioDelta")
    for piece in (cut, cut, kept, cut):
        callback.put(play(piece), piece)
    await asyncio.sleep(0)  # the first runs
    callback.drop_speech([(cut.item_id, cut.content_index)])
    go_on.set()
    await callback.close(closer=None)
    assert heard == [cut, kept]
