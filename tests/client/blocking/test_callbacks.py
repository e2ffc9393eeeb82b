"""Callbacks of a blocking conversation run in a thread of their own, in order."""

from __future__ import annotations

import logging
import threading

import msgspec
import pytest

from duologue import blocking
from duologue.client.blocking.callbacks import Callbacks
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
    monkeypatch.setattr("duologue.client.blocking.conversation._STOP_S", 0.05)
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


def test_a_slow_callback_gets_no_speech_that_was_cut_meanwhile() -> None:
    release, begun = threading.Event(), threading.Event()
    heard: list[AudioDelta] = []

    def play(piece: AudioDelta) -> None:
        heard.append(piece)
        begun.set()
        release.wait(5)

    callbacks = Callbacks()
    callbacks.add(AudioDelta, play)
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
