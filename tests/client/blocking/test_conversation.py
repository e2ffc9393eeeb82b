from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

import pytest

from duologue import blocking
from duologue.audio.formats import PCM, PCMU
from duologue.client import Connection, connect
from duologue.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    LocalProtocolError,
    RequestRejected,
    StreamOverflow,
)
from duologue.events import InputAudioBufferClearEvent, RealtimeEvent, RealtimeSessionConfig
from duologue.notices import (
    AudioDelta,
    ConnectionLost,
    Interrupted,
    ItemDone,
    ResponseFinished,
    SessionChanged,
    TextDelta,
)
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.recovery.session_replay import SessionRestored
from duologue.testing import Close, Drop, Expect, ScriptedServer, Send, Stall, scripted_engines
from duologue.transports import websocket
from tests.client._frames import (
    answer,
    audio_delta,
    created,
    ended,
    error,
    greeting,
    message,
    taken,
)
from tests.client._threads import aside, in_memory, join_all, no_thread_left, over_a_socket, talking

TEXT = RealtimeSessionConfig(output_modalities=["text"])
N = TypeVar("N")


def next_of(notices: blocking.BlockingNoticeStream[Any], kind: type[N]) -> N:
    """The next notice, which is of this kind."""
    notice = notices.receive(timeout=5)
    assert isinstance(notice, kind)
    return notice


# --- with our own server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [in_memory, over_a_socket])
def test_a_question_is_answered_and_the_conversation_is_kept(served: Callable[..., Any]) -> None:
    engines = scripted_engines(says=("Seven.", "Eight."))
    with (
        no_thread_left(),
        served(engines) as connect,
        no_thread_left(),
        blocking.converse(open_connection=connect, session=TEXT) as conversation,
    ):
        assert conversation.ask("How many?", timeout=5) == "Seven."
        assert conversation.ask("And now?", timeout=5) == "Eight."
        texts = [item.text for item in conversation.items]
        assert texts == ["How many?", "Seven.", "And now?", "Eight."]
        assert conversation.usage.responses == (("completed", 2),)
        assert getattr(conversation.session, "output_modalities", None) == ["text"]


@pytest.mark.parametrize("served", [in_memory, over_a_socket])
def test_what_is_said_aloud_is_heard_and_the_answer_comes_as_audio(served: Callable[..., Any]) -> None:
    loud = b"\x00\x40" * 24 * 300
    with (
        served(scripted_engines(hears=("two",), says=("Three.",))) as connect,
        blocking.converse(open_connection=connect) as conversation,
        conversation.stream(AudioDelta) as heard,
    ):
        assert conversation.send_audio(loud, timeout=5)
        conversation.commit(timeout=5)
        done = conversation.respond(timeout=5)
        assert done.response.status == "completed"
        audio = heard.receive(timeout=5)
        assert len(audio.audio) > 0
        conversation.report_played(audio.item_id, audio.content_index, n_bytes=len(audio.audio))


def test_pain_01_many_threads_may_ask_and_each_gets_its_own_response() -> None:
    with (
        over_a_socket(scripted_engines(says=("Yes.",))) as connect,
        ThreadPoolExecutor(8) as pool,
        blocking.converse(open_connection=connect, session=TEXT) as conversation,
    ):
        asked = [pool.submit(conversation.respond, timeout=10) for _ in range(8)]
        assert len({done.result(10).response.id for done in asked}) == 8


# --- time limits ------------------------------------------------------------------------------------------------------


def test_a_response_that_takes_too_long_goes_on_and_can_still_be_heard() -> None:
    finish = threading.Event()
    server = ScriptedServer(
        [Send(greeting()), Expect("response.create"), Send(created("resp_1")), Expect("input_audio_buffer.clear"),
         Send(ended("resp_1"))]
    )  # fmt: skip
    with talking(server) as conversation:
        conversation.on(ResponseFinished, lambda _: finish.set())
        with pytest.raises(TimeoutError, match=r"0\.1 s"):
            conversation.respond(timeout=0.1)
        conversation.send(InputAudioBufferClearEvent(), timeout=5)
        assert finish.wait(5)


def test_a_stream_that_hears_nothing_in_time_raises_and_can_be_gone_on_with() -> None:
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(*answer("resp_1", "item_1", "Seven."))])
    with talking(server) as conversation, conversation.stream(TextDelta, timeout=0.05) as texts:
        with pytest.raises(TimeoutError):
            next(texts)
        conversation.respond(timeout=5)
        assert [next(texts).delta] == ["Seven."]
        with pytest.raises(TimeoutError):
            list(texts)


def test_pain_24_a_server_that_reads_nothing_costs_a_sender_its_time_limit_and_the_end_is_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "_CLOSE_TIMEOUT_S", 0.1)
    server = ScriptedServer([Send(greeting()), Stall()])
    with talking(server) as conversation:

        def speak_until_it_waits() -> None:
            # More than sockets and the queue hold, and soon said: after nine seconds the server counts as dead.
            for _ in range(2000):
                conversation.send_audio(bytes(100_000), timeout=0.2)

        with pytest.raises(TimeoutError):
            speak_until_it_waits()
        began = time.monotonic()
    assert time.monotonic() - began < 20  # some three seconds, and not until the server reads


def test_audio_and_verbs_of_one_thread_go_out_in_the_order_of_its_calls() -> None:
    kinds = ["input_audio_buffer.append"] * 40 + ["input_audio_buffer.commit"]
    server = ScriptedServer(
        [Send(greeting()), Expect("input_audio_buffer.commit"), Expect("input_audio_buffer.commit")]
    )
    with talking(server) as conversation:
        for _ in range(2):
            for _ in range(40):
                assert conversation.send_audio(bytes(4800), timeout=5)
            conversation.commit(timeout=5)
    assert [event["type"] for event in server.received[0]] == kinds * 2


def test_audio_of_another_rate_or_codec_is_refused_before_it_is_handed_to_the_event_loop() -> None:
    server = ScriptedServer([Send(greeting()), Expect("input_audio_buffer.append")])
    with talking(server) as conversation:
        with pytest.raises(LocalProtocolError, match="8000 Hz and the session takes audio/pcm at 24000 Hz"):
            conversation.send_audio(bytes(160), encoding=PCMU)
        assert conversation.send_audio(bytes(480), encoding=PCM, timeout=5)
    assert len(server.received[0]) == 1


# --- what is told -----------------------------------------------------------------------------------------------------


def test_streams_end_with_the_conversation_and_raise_what_it_failed_with() -> None:
    server = ScriptedServer([Send(greeting(), error("invalid_api_key")), Close(3000)])
    with talking(server) as conversation:
        with pytest.raises(ConnectionClosedError, match="3000"), conversation.stream(TextDelta) as texts:
            list(texts)
        with pytest.raises(ConnectionClosedError):
            next(conversation.texts(timeout=5))
        with pytest.raises(ConnectionClosedError):
            conversation.send_text("Is there anybody?")
        with pytest.raises(ConnectionClosedError):
            conversation.respond()


def test_pain_24_streams_of_other_threads_end_when_the_block_is_left() -> None:
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(*answer("resp_1", "item_1", "Seven."))])
    with aside(server.listening) as url, no_thread_left(), ThreadPoolExecutor() as pool:
        with blocking.converse(url) as conversation, conversation.stream(TextDelta) as texts:
            reading = pool.submit(lambda: [notice.delta for notice in texts])
            conversation.respond(timeout=5)
        assert reading.result(5) == ["Seven."]


def test_text_and_audio_come_in_pieces_from_the_moment_they_are_asked_for() -> None:
    pieces = [audio_delta("resp_1", "item_1", bytes([0, number] * 24)) for number in range(3)]
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(created("resp_1"), *pieces)])
    with talking(server) as conversation, ThreadPoolExecutor() as pool:
        listened_to = told_of_streams(conversation)

        def ask_for_what_never_ends() -> None:
            assert listened_to.wait(5)
            with pytest.raises(RequestRejected):
                conversation.respond()

        asking = pool.submit(ask_for_what_never_ends)
        heard = conversation.audio(timeout=5)
        assert [next(heard).audio[1] for _ in range(3)] == [0, 1, 2]
        conversation.close()
        asking.result(5)


def told_of_streams(conversation: blocking.BlockingConversation) -> threading.Event:
    """Set once somebody listens: pieces that come before are nobody's."""
    listened_to, stream = threading.Event(), conversation.stream

    @contextmanager
    def reporter(*kinds: type[Any], timeout: float | None = None) -> Generator[Any, None, None]:
        with stream(*kinds, timeout=timeout) as notices:
            listened_to.set()
            yield notices

    setattr(conversation, "stream", reporter)  # noqa: B010 - a method, as far as types go
    return listened_to


def test_pain_13_a_reader_that_never_reads_gets_an_overflow_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("duologue.client.asyncio.streams.MAX_UNREAD_NOTICES", 2)
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(*answer("resp_1", "item_1", "Seven."))])
    with talking(server) as conversation, conversation.stream(object) as everything:
        conversation.respond(timeout=5)
        with pytest.raises(StreamOverflow):
            list(everything)


def test_callbacks_run_in_order_may_wait_for_answers_and_are_taken_away(caplog: pytest.LogCaptureFixture) -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            *(step for n in (1, 2, 3) for step in (Expect("response.create"), Send(*answer(f"r{n}", f"i{n}", f"{n}")))),
        ]
    )
    told: list[str] = []
    answered = threading.Event()

    def ask_again(notice: ResponseFinished) -> None:
        told.append(str(notice.event.response.id))
        if notice.event.response.id == "r1":
            assert conversation.respond(timeout=5).response.id == "r2"
            answered.set()
        raise ZeroDivisionError("not on purpose")

    with talking(server) as conversation, caplog.at_level(logging.ERROR, "duologue"):
        take_away = conversation.on(ResponseFinished, ask_again)
        texts: list[str] = []
        conversation.on(TextDelta, lambda notice: texts.append(notice.delta))
        conversation.respond(timeout=5)
        assert answered.wait(5)
        take_away()
        take_away()
        conversation.respond(timeout=5)
    assert (told[0], texts) == ("r1", ["1", "2", "3"])
    assert "r3" not in told
    assert "a callback for ResponseFinished failed" in caplog.text


def test_a_callback_that_never_returns_does_not_keep_the_block_from_being_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("duologue.client.blocking.conversation._STOP_S", 0.05)
    let_go, stuck = threading.Event(), threading.Event()

    def wait(_: SessionChanged) -> None:
        stuck.set()
        let_go.wait(10)

    with aside(ScriptedServer([Send(greeting()), *touch()]).listening) as url, no_thread_left():
        with blocking.converse(url) as conversation:
            conversation.on(SessionChanged, wait)
            conversation.send_text("hello", timeout=5)
            assert stuck.wait(5)
        assert "a callback goes on" in caplog.text
        let_go.set()
        join_all("duologue-callbacks")


def touch() -> list[Any]:
    """The session is told again once something was said."""
    return [Expect("conversation.item.create"), Send({**greeting(), "type": "session.updated"})]


# --- lost connections -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [Close(1001, "session_expired"), Close(1011, "internal"), Drop()])
def test_pain_05_06_a_lost_connection_is_opened_again_and_told_what_the_old_one_knew(end: Close | Drop) -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(*answer("resp_1", "item_2", "Seven.", after="item_1")),
            end,
        ],
        [
            Send(greeting("sess_2")),
            Expect("session.update"),
            Expect("conversation.item.create"),
            Send(*taken("new_1")),
            Expect("conversation.item.create"),
            Send(*taken("new_2", after="new_1")),
            Expect("response.create"),
            Send(*answer("resp_2", "new_3", "Eight.", after="new_2")),
        ],
    )
    with talking(server, session=TEXT) as conversation:
        with conversation.stream(ConnectionLost, SessionRestored) as notices:
            assert conversation.ask("How many?", timeout=5) == "Seven."
            next_of(notices, ConnectionLost)
            restored = next_of(notices, SessionRestored)
        assert restored.configured
        assert restored.item_ids.keys() == {"item_1", "item_2"}
        assert conversation.respond(timeout=5).response.id == "resp_2"
        assert [item.text for item in conversation.items] == ["How many?", "Seven.", "Eight."]


def test_pain_06_what_is_under_way_fails_at_once_and_audio_is_dropped_while_there_is_no_connection() -> None:
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(created("resp_1")), Drop()])
    policy = ReconnectPolicy(first_delay_s=60, most_delay_s=60)
    with aside(server.listening) as url, no_thread_left():
        attempts = 0

        def once() -> AbstractAsyncContextManager[Connection]:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                raise ConnectFailed("not again", retryable=True)
            return connect(url)

        with blocking.converse(open_connection=once, reconnect=policy) as conversation:
            with pytest.raises(RequestRejected, match="broke off"):
                conversation.respond(timeout=5)
            assert conversation.send_audio(bytes(480)) is False
            with pytest.raises(LocalProtocolError, match="the connection is lost"):
                conversation.send_text("hello")
            assert conversation.session is None
            began = time.monotonic()
        assert time.monotonic() - began < 5  # and not the minute until the next attempt


def test_the_first_connection_must_come_about() -> None:
    def refuse() -> AbstractAsyncContextManager[Connection]:
        raise ConnectFailed("no", retryable=True)

    with no_thread_left(), pytest.raises(ConnectFailed), blocking.converse(open_connection=refuse):
        pass


# --- interruptions and ends -------------------------------------------------------------------------------------------


def test_pain_04_an_interruption_stops_the_response_and_cuts_what_was_not_heard() -> None:
    item = message("item_1", "assistant", "One two three", kind="output_audio", status="in_progress")
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(
                created("resp_1"),
                {"type": "conversation.item.added", "previous_item_id": None, "item": item},
                audio_delta("resp_1", "item_1", bytes(48_000)),
            ),
            Expect("response.cancel"),
            Expect("conversation.item.truncate"),
            Send(ended("resp_1", status="cancelled")),
        ]
    )
    with (
        talking(server) as conversation,
        ThreadPoolExecutor() as pool,
        conversation.stream(AudioDelta, timeout=5) as audio,
    ):
        asked = pool.submit(conversation.respond, timeout=5)
        heard = next(audio)
        conversation.report_played(heard.item_id, heard.content_index, n_bytes=4_800)
        with conversation.stream(Interrupted) as cuts:
            conversation.interrupt()
            cuts.receive(timeout=5)
        assert asked.result(5).response.status == "cancelled"
        assert conversation.cancel() is False
    truncate = next(event for event in server.received[0] if event["type"] == "conversation.item.truncate")
    assert truncate["audio_end_ms"] == 100


class BodyError(Exception):
    """What an application raises."""


@pytest.mark.parametrize("fault", [BodyError("mine"), KeyboardInterrupt()])
def test_pain_24_what_the_block_raises_comes_out_as_it_is_at_once_and_no_thread_stays(fault: BaseException) -> None:
    server = ScriptedServer([Send(greeting())])
    with aside(server.listening) as url, no_thread_left():
        began = time.monotonic()
        with pytest.raises(type(fault)) as caught, blocking.converse(url):
            raise fault
        assert caught.value is fault
        assert time.monotonic() - began < 5


def test_every_verb_after_the_end_says_so() -> None:
    server = ScriptedServer([Send(greeting())])
    with talking(server) as conversation:
        pass
    for verb in (conversation.cancel, conversation.interrupt, conversation.commit, conversation.respond):
        with pytest.raises(ConnectionClosed):
            verb()
    with conversation.stream(ItemDone) as notices:
        assert list(notices) == []


def test_all_that_is_told_comes_in_order_each_event_before_what_it_means() -> None:
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(*answer("resp_1", "item_1", "Seven."))])
    with talking(server) as conversation, conversation.stream(RealtimeEvent, TextDelta, ResponseFinished) as told:
        conversation.respond(timeout=5)
        kinds: list[str] = []
        while kinds[-1:] != ["ResponseFinished"]:
            kinds.append(type(told.receive(timeout=5)).__name__)
    assert kinds == [
        "ResponseCreatedEvent",
        "ConversationItemAddedEvent",
        "ResponseTextDeltaEvent",
        "TextDelta",
        "ResponseTextDoneEvent",
        "ConversationItemDoneEvent",
        "ResponseDoneEvent",
        "ResponseFinished",
    ]


def test_a_server_is_answered_in_the_dialect_in_which_it_greets() -> None:
    old = {"id": "sess_1", "object": "realtime.session", "modalities": ["text"], "voice": "alloy"}
    server = ScriptedServer([Send({"type": "session.created", "session": old}), Expect("session.update")])
    with talking(server, session=TEXT):
        pass
    assert server.received[0][0]["session"]["modalities"] == ["text"]


def test_a_server_that_never_greets_is_spoken_to_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.client.asyncio.conversation.FIRST_EVENT_S", 0.05)
    server = ScriptedServer([Expect("session.update")])
    with talking(server, session=TEXT):
        pass
    assert server.received[0][0]["session"]["output_modalities"] == ["text"]
