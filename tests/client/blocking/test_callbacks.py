"""Callbacks of a blocking conversation run in a thread of their own, in order."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from duologue import blocking
from duologue.client.blocking.callbacks import Callbacks
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.kinds import KindFilter
from duologue.errors import ConnectionClosedOK
from duologue.notices import AudioDelta, Interrupted, ResponseFinished, SessionChanged, TextDelta
from duologue.protocol.client.playback import Interruption
from tests.client._frames import asks, greeting, replies, serving, spoken
from tests.client._threads import in_a_thread, join_all, no_thread_left, talking


def test_callbacks_run_in_order_may_wait_for_answers_and_are_taken_away(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([step for n in (1, 2, 3) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    called: list[str] = []
    answered = threading.Event()

    def ask_again(notice: ResponseFinished) -> None:
        called.append(str(notice.event.response.id))
        if notice.event.response.id == "r1":
            assert conversation.respond(timeout=5).response.id == "r2"
            answered.set()
        raise ZeroDivisionError("not on purpose")

    with talking(server) as conversation, caplog.at_level(logging.ERROR, "duologue"):
        remove = conversation.on(ResponseFinished, ask_again)
        texts: list[str] = []
        conversation.on(TextDelta, lambda notice: texts.append(notice.delta))
        conversation.respond(timeout=5)
        assert answered.wait(5)
        remove()
        remove()
        conversation.respond(timeout=5)
    assert (called[0], texts) == ("r1", ["1", "2", "3"])
    assert "r3" not in called
    assert "a callback for ResponseFinished failed" in caplog.text


def test_a_callback_that_never_returns_does_not_keep_the_block_from_being_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("duologue.client.blocking.notice_delivery._STOP_S", 0.05)
    release, stuck = threading.Event(), threading.Event()

    def wait(_: SessionChanged) -> None:
        stuck.set()
        release.wait(10)

    # The session is reported again once an item was created.
    server = serving(replies("conversation.item.create", {**greeting(), "type": "session.updated"}))
    with in_a_thread(server.listening) as url, no_thread_left():
        with blocking.converse(url) as conversation:
            conversation.on(SessionChanged, wait)
            conversation.send_text("hello", timeout=5)
            assert stuck.wait(5)
        assert "a callback goes on" in caplog.text
        release.set()
        join_all("duologue-callbacks")


def test_a_callback_for_a_wire_name_leaves_the_answer_alone() -> None:
    called: list[str] = []
    with talking(serving([*asks("r1", "i1", "1")])) as conversation:
        conversation.on("response.done", lambda event: called.append(event.response.id))
        assert conversation.respond(timeout=5).response.id == "r1"
    assert called == ["r1"]


def test_coroutine_functions_run_on_the_loop_in_order(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([step for n in (1, 2, 3) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    called: list[tuple[str, str]] = []
    finished = threading.Event()

    async def store(notice: TextDelta) -> None:
        await asyncio.sleep(0)
        called.append((notice.delta, threading.current_thread().name))
        if notice.delta == "1":
            raise ZeroDivisionError("not on purpose")
        if notice.delta == "3":
            finished.set()

    with talking(server) as conversation:
        conversation.on(TextDelta, store)
        for _ in range(3):
            conversation.respond(timeout=5)
        assert finished.wait(5)
    assert called == [(number, "duologue-loop") for number in ("1", "2", "3")]
    assert "a callback for TextDelta failed" in caplog.text


def test_a_callback_that_wants_to_end_its_thread_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([step for n in (1, 2) for step in asks(f"r{n}", f"i{n}", f"{n}")])
    called: list[str] = []
    twice = threading.Event()

    def leave(notice: TextDelta) -> None:
        called.append(notice.delta)
        if len(called) == 2:
            twice.set()
        raise SystemExit

    with talking(server) as conversation:
        conversation.on(TextDelta, leave)
        for _ in range(2):
            conversation.respond(timeout=5)
        assert twice.wait(5)
    assert called == ["1", "2"]


def test_a_kind_that_is_none_is_an_error_where_it_is_asked_for() -> None:
    wrong: Any = 7
    with talking(serving([])) as conversation:
        for ask in (conversation.stream, lambda kind: conversation.on(kind, print)):
            with pytest.raises(ValueError, match=r"did you mean 'response\.done'"):
                ask("response.dome")
            with pytest.raises(TypeError, match="7 is no kind"):
                ask(wrong)
        with pytest.raises(TypeError, match="a callback is a function"):
            conversation.on(TextDelta, wrong)


def test_a_slow_callback_gets_no_speech_that_was_cut_meanwhile() -> None:
    release, begun = threading.Event(), threading.Event()
    heard: list[AudioDelta] = []

    def play(piece: AudioDelta) -> None:
        heard.append(piece)
        begun.set()
        release.wait(5)

    callbacks = Callbacks(LoopThread(nullcontext))  # the loop runs for coroutine functions alone
    callbacks.add(KindFilter((AudioDelta,)), play)
    cut, kept = spoken(960), msgspec.structs.replace(spoken(960), item_id="item_2")
    for piece in (cut, cut, kept, cut):
        callbacks.put(piece)
    assert begun.wait(5)
    callbacks.put(Interrupted(Interruption(truncate=None, cut=((cut.item_id, cut.content_index),))))
    callbacks.end(ConnectionClosedOK(1000))
    release.set()
    assert callbacks.thread is not None
    callbacks.thread.join(5)
    assert heard == [cut, kept]
