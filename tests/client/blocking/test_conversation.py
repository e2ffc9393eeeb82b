from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from duologue import blocking
from duologue.audio.formats import PCM
from duologue.client import Connection, connect
from duologue.errors import ConnectFailed, ConnectionClosed, LocalProtocolError, NotConnected, RequestRejected
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    InputAudioBufferClearEvent,
    RealtimeEvent,
    RealtimeSessionConfig,
)
from duologue.notices import AudioDelta, ConnectionLost, Interrupted, ItemDone, ResponseFinished, TextDelta
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.recording import ClosedLine, MarkNote, NoteLine, RecordingReader
from duologue.testing import Drop, Expect, ScriptedServer, Send, Stall, scripted_engines
from tests.client._frames import (
    asks,
    audio_delta,
    created,
    creates_item,
    ended,
    greeting,
    message,
    refused,
    replies,
    sent_audio,
    serving,
    taken,
    updated,
)
from tests.client._threads import in_a_thread, in_memory, no_thread_left, over_a_socket, talking

TEXT = RealtimeSessionConfig(output_modalities=["text"])
N = TypeVar("N")


# --- with our own server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [in_memory, over_a_socket])
def test_a_question_is_answered_and_the_conversation_is_kept(served: Callable[..., Any]) -> None:
    engines = scripted_engines(responses=("Seven.", "Eight."))
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
def test_speech_is_transcribed_and_the_answer_comes_as_audio(served: Callable[..., Any]) -> None:
    loud = b"\x00\x40" * 24 * 300
    with (
        served(scripted_engines(transcripts=("two",), responses=("Three.",))) as connect,
        blocking.converse(open_connection=connect) as conversation,
        conversation.stream(AudioDelta) as pieces,
    ):
        assert conversation.send_audio(loud, timeout=5)
        conversation.commit(timeout=5)
        done = conversation.respond(timeout=5)
        assert done.response.status == "completed"
        audio = pieces.receive(timeout=5)
        assert len(audio.audio) > 0
        conversation.report_played(audio.item_id, audio.content_index, n_bytes=len(audio.audio))


def test_pain_01_many_threads_may_ask_and_each_gets_its_own_response() -> None:
    with (
        over_a_socket(scripted_engines(responses=("Yes.",))) as connect,
        ThreadPoolExecutor(8) as pool,
        blocking.converse(open_connection=connect, session=TEXT) as conversation,
    ):
        asked = [pool.submit(conversation.respond, timeout=10) for _ in range(8)]
        assert len({done.result(10).response.id for done in asked}) == 8


# --- time limits ------------------------------------------------------------------------------------------------------


def test_a_response_that_takes_too_long_goes_on_and_its_end_is_still_reported() -> None:
    finish = threading.Event()
    server = serving(
        [*replies("response.create", created("resp_1")), *replies("input_audio_buffer.clear", ended("resp_1"))]
    )
    with talking(server) as conversation:
        conversation.on(ResponseFinished, lambda _: finish.set())
        with pytest.raises(TimeoutError, match=r"0\.1 s"):
            conversation.respond(timeout=0.1)
        conversation.send(InputAudioBufferClearEvent(), timeout=5)
        assert finish.wait(5)


def test_audio_and_verbs_of_one_thread_go_out_in_the_order_of_its_calls() -> None:
    kinds = ["input_audio_buffer.append"] * 40 + ["input_audio_buffer.commit"]
    server = serving([Expect("input_audio_buffer.commit"), Expect("input_audio_buffer.commit")])
    with talking(server) as conversation:
        for _ in range(2):
            for _ in range(40):
                assert conversation.send_audio(bytes(4800), timeout=5)
            conversation.commit(timeout=5)
    assert [event["type"] for event in server.received[0]] == kinds * 2


def test_audio_of_another_rate_and_codec_is_converted_in_the_order_in_which_it_was_sent() -> None:
    server = serving([Expect("input_audio_buffer.commit")])
    with talking(server) as conversation:
        assert conversation.send_audio(b"\1\0" * 240, encoding=PCM, timeout=5)
        assert conversation.send_audio(np.zeros(1_600, np.float32), rate_hz=16_000, timeout=5)
        assert conversation.send_audio(b"\2\0" * 2_400, timeout=5)  # which ends the stream before it
        with pytest.raises(LocalProtocolError, match="not whole"):
            conversation.send_audio(bytes(481), timeout=5)
        conversation.commit(timeout=5)
    assert sent_audio(server) == b"\1\0" * 240 + bytes(4_800) + b"\2\0" * 2_400


def test_a_buffer_that_changes_after_the_call_was_sent_as_it_was() -> None:
    server = serving([Expect("input_audio_buffer.commit")])
    buffer = bytearray(b"\1\0" * 2_400)
    with talking(server) as conversation:
        conversation.send_audio(buffer, timeout=5)
        buffer[:] = b"\2\0" * 2_400
        conversation.commit(timeout=5)
    assert sent_audio(server) == b"\1\0" * 2_400


# --- lost connections -------------------------------------------------------------------------------------------------


def test_pain_06_what_is_under_way_fails_at_once_and_audio_is_dropped_while_there_is_no_connection() -> None:
    server = serving([*replies("response.create", created("resp_1")), Drop()])
    policy = ReconnectPolicy(first_delay_s=60, max_delay_s=60)
    with in_a_thread(server.listening) as url, no_thread_left():
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


# --- interruptions and ends -------------------------------------------------------------------------------------------


def test_pain_04_an_interruption_stops_the_response_and_cuts_what_was_not_played() -> None:
    item = message("item_1", "assistant", "One two three", kind="output_audio", status="in_progress")
    server = serving(
        [
            *replies(
                "response.create",
                created("resp_1"),
                {"type": "conversation.item.added", "previous_item_id": None, "item": item},
                audio_delta("resp_1", "item_1", bytes(48_000)),
            ),
            Expect("response.cancel"),
            *replies("conversation.item.truncate", ended("resp_1", status="cancelled")),
        ]
    )
    with (
        talking(server) as conversation,
        ThreadPoolExecutor() as pool,
        conversation.stream(AudioDelta, timeout=5) as audio,
    ):
        asked = pool.submit(conversation.respond, timeout=5)
        piece = next(audio)
        conversation.report_played(piece.item_id, piece.content_index, n_bytes=4_800)
        with conversation.stream(Interrupted) as cuts:
            conversation.interrupt()
            cuts.receive(timeout=5)
        assert asked.result(5).response.status == "cancelled"
        assert conversation.cancel() is False
    truncate = next(event for event in server.received[0] if event["type"] == "conversation.item.truncate")
    assert truncate["audio_end_ms"] == 100


@pytest.mark.parametrize("fault", [ZeroDivisionError("mine"), KeyboardInterrupt()])
def test_pain_24_what_the_block_raises_comes_out_as_it_is_at_once_and_no_thread_stays(fault: BaseException) -> None:
    server = serving([])
    with in_a_thread(server.listening) as url, no_thread_left():
        began = time.monotonic()
        with pytest.raises(type(fault)) as caught, blocking.converse(url):
            raise fault
        assert caught.value is fault
        assert time.monotonic() - began < 5


def test_every_verb_after_the_end_says_so() -> None:
    server = serving([])
    with talking(server) as conversation:
        pass
    for verb in (conversation.cancel, conversation.interrupt, conversation.commit, conversation.respond):
        with pytest.raises(ConnectionClosed):
            verb()
    with conversation.stream(ItemDone) as notices:
        assert list(notices) == []


def test_notices_come_in_order_each_event_before_the_notices_that_it_causes() -> None:
    server = serving(asks("resp_1", "item_1", "Seven."))
    with talking(server) as conversation, conversation.stream(RealtimeEvent, TextDelta, ResponseFinished) as notices:
        conversation.respond(timeout=5)
        kinds: list[str] = []
        while kinds[-1:] != ["ResponseFinished"]:
            kinds.append(type(notices.receive(timeout=5)).__name__)
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


# --- nothing silent ---------------------------------------------------------------------------------------------------


def test_questions_of_two_threads_at_once_get_each_its_own_answer() -> None:
    turns = [step for n in (1, 2) for step in (*creates_item(f"q{n}"), *asks(f"r{n}", f"a{n}", f"Answer {n}."))]
    server = serving(turns)
    with talking(server) as conversation, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(conversation.ask, text, timeout=5) for text in ("First?", "Second?")]
        found = {done.result(10) for done in asked}
    assert found == {"Answer 1.", "Answer 2."}
    assert server.types(0) == ["conversation.item.create", "response.create"] * 2


def test_an_answer_that_is_cut_by_a_limit_cannot_pass_as_a_whole_one() -> None:
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    cut = ended("r1", message("a1", "assistant", "Well,"), status="incomplete", status_details=details)
    with talking(serving([*creates_item("q1"), *replies("response.create", created("r1"), cut)])) as conversation:
        answer = conversation.ask("Well?", timeout=5)
    assert (answer.text, answer.status, answer.incomplete_reason) == ("Well,", "incomplete", "max_output_tokens")


def test_an_update_that_the_server_refuses_is_raised() -> None:
    server = serving([*replies("session.update", refused("session.update", "invalid_value")), Expect("session.update")])
    with talking(server) as conversation:
        with pytest.raises(RequestRejected, match="refused the session's configuration"):
            conversation.update_session(TEXT)
        with pytest.raises(TimeoutError):
            conversation.update_session(TEXT, timeout=0.01)


def test_speech_that_is_not_committed_names_what_was_forgotten() -> None:
    by_hand = RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=None)))
    server = serving(replies("session.update", updated(audio={"input": {"turn_detection": None}})))
    wrong: Any = "question.wav"
    with talking(server, session=by_hand) as conversation:
        with pytest.raises(TypeError, match="words are sent with send_text"):
            conversation.send_audio(wrong)
        conversation.send_audio(bytes(48_000), timeout=5)
        with pytest.raises(LocalProtocolError, match=r"call commit\(\) first"):
            conversation.respond(timeout=5)


def test_while_the_connection_is_lost_verbs_say_so_and_restored_waits_for_the_next() -> None:
    server = ScriptedServer(
        [Send(greeting("sess_1")), Expect("conversation.item.create"), Send(*taken("item_1")), Drop()],
        [Stall()],
    )
    with talking(server) as conversation:
        conversation.restored(timeout=5)
        with conversation.stream(ConnectionLost, timeout=5) as losses:
            conversation.send_text("hello", timeout=5)
            next(losses)
        with pytest.raises(NotConnected, match=r"wait for it with restored\(\)"):
            conversation.ask("Well?", timeout=5)
        with pytest.raises(TimeoutError, match="there is no connection"):
            conversation.restored(timeout=0.01)


def test_a_conversation_has_a_transcript_and_an_export_of_what_was_said() -> None:
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.", after="item_1")])
    with talking(server) as conversation:
        conversation.send_text("Hi", timeout=5)
        conversation.respond(timeout=5)
        assert [(line.role, line.text) for line in conversation.transcript()] == [
            ("user", "Hi"),
            ("assistant", "Hello."),
        ]
        assert [item["text"] for item in conversation.to_json(audio=True)["items"]] == ["Hi", "Hello."]


def test_a_conversation_is_recorded_with_the_marks_of_other_threads(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.")])
    with talking(server, record=path) as conversation:
        conversation.mark("before")
        assert conversation.ask("Hi", timeout=5) == "Hello."
        conversation.mark("after")
    with RecordingReader(path) as recording:
        lines = list(recording.lines())
    notes = [line.note for line in lines if isinstance(line, NoteLine)]
    assert notes == [MarkNote(text="before"), MarkNote(text="after")]
    assert [(line.code, line.by) for line in lines if isinstance(line, ClosedLine)] == [(1000, "client")]
    assert isinstance(lines[-1], ClosedLine)
