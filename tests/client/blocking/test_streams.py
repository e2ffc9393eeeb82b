"""Streams of notices for threads: each wait has a timeout, and each stream a limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from duologue import blocking
from duologue.client.asyncio.streams import MAX_UNREAD_BYTES
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.errors import ConnectionClosedError, StreamOverflow
from duologue.notices import AudioDelta, TextDelta
from duologue.testing import Close, Send
from tests.client._frames import asks, error, serving, spoken
from tests.client._threads import in_a_thread, in_memory, no_thread_left, talking


def test_a_blocking_stream_holds_so_many_bytes_unread_and_ends_then() -> None:
    stream = BlockingNoticeStream((AudioDelta,))
    piece = spoken(MAX_UNREAD_BYTES // 4)
    for _ in range(8):
        stream.put(piece)
        stream.receive(timeout=5)
    for _ in range(10):
        stream.put(piece)
    for _ in range(4):
        stream.receive(timeout=5)
    with pytest.raises(StreamOverflow, match="4 notices were not read"):
        stream.receive(timeout=5)


def test_a_stream_without_a_notice_in_time_raises_and_can_be_read_again() -> None:
    server = serving(asks("resp_1", "item_1", "Seven."))
    with talking(server) as conversation, conversation.stream(TextDelta, timeout=0.05) as texts:
        with pytest.raises(TimeoutError):
            next(texts)
        conversation.respond(timeout=5)
        assert [next(texts).delta] == ["Seven."]
        with pytest.raises(TimeoutError):
            list(texts)


def test_streams_end_with_the_conversation_and_raise_what_it_failed_with() -> None:
    server = serving([Send(error("invalid_api_key")), Close(3000)])
    with talking(server) as conversation:
        with pytest.raises(ConnectionClosedError, match="3000"), conversation.stream(TextDelta) as texts:
            list(texts)
        with pytest.raises(ConnectionClosedError):
            next(conversation.texts(timeout=5))
        with pytest.raises(ConnectionClosedError):
            conversation.send_text("Hello?")
        with pytest.raises(ConnectionClosedError):
            conversation.respond()


def test_pain_24_streams_of_other_threads_end_when_the_block_is_left() -> None:
    server = serving(asks("resp_1", "item_1", "Seven."))
    with in_a_thread(server.listening) as url, no_thread_left(), ThreadPoolExecutor() as pool:
        with blocking.converse(url) as conversation, conversation.stream(TextDelta) as texts:
            reading = pool.submit(lambda: [notice.delta for notice in texts])
            conversation.respond(timeout=5)
        assert reading.result(5) == ["Seven."]


def test_text_and_audio_come_from_the_moment_they_are_asked_for() -> None:
    with (
        in_memory() as connect,
        ThreadPoolExecutor() as pool,
        blocking.converse(open_connection=connect) as conversation,
    ):
        audio, text = pool.submit(next, conversation.audio(timeout=5)), pool.submit(next, conversation.texts(timeout=5))
        while not (audio.done() and text.done()):
            conversation.respond(timeout=5)
        assert audio.result().audio
        assert text.result().delta
