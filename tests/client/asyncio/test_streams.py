"""Streams of notices: each has a limit, and ends with the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM
from duologue.client.asyncio.streams import MAX_UNREAD_BYTES, BaseStream, NoticeStream, StreamEnd
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.errors import ConnectionClosedOK, StreamOverflow
from duologue.notices import AudioDelta, Interrupted, RequestEnded, TextDelta
from duologue.protocol.client.playback import Interruption
from duologue.testing import Send
from tests.client._frames import added, asks, audio_delta, created, ended, message, serving, spoken, unasked
from tests.client._waiting import following, talking


async def test_a_stream_holds_so_many_bytes_unread_and_ends_then() -> None:
    stream = NoticeStream((AudioDelta,))
    piece = spoken(MAX_UNREAD_BYTES // 4)
    reading = aiter(stream)
    for _ in range(8):  # as long as each is read, there is room for the next
        stream.put(piece)
        await anext(reading)
    for _ in range(10):
        stream.put(piece)
    for _ in range(4):
        await anext(reading)
    with pytest.raises(StreamOverflow, match="4 notices were not read"):
        await anext(reading)


async def test_a_message_that_alone_is_larger_is_delivered_all_the_same() -> None:
    stream = NoticeStream((AudioDelta,))
    piece = spoken(MAX_UNREAD_BYTES + 1)
    stream.put(piece)
    assert await anext(aiter(stream)) is piece


PARTS = [(item_id, index) for item_id in ("item_1", "item_2") for index in (0, 1)]


def speech(part: tuple[str, int], audio: bytes = bytes(4)) -> AudioDelta:
    return AudioDelta(response_id="r", item_id=part[0], content_index=part[1], audio=audio, encoding=PCM)


def words(part: tuple[str, int]) -> TextDelta:
    return TextDelta(response_id="r", item_id=part[0], content_index=part[1], delta="word", spoken=True)


def interrupted(*cut: tuple[str, int]) -> Interrupted:
    return Interrupted(Interruption(truncate=None, cut=cut))


async def test_an_interruption_does_not_wait_behind_the_speech_that_it_cuts() -> None:
    for stream in (NoticeStream((AudioDelta, Interrupted)), BlockingNoticeStream((AudioDelta, Interrupted))):
        for _ in range(400):
            stream.put(speech(PARTS[0], bytes(960)))
        cut = interrupted(PARTS[0])
        stream.put(cut)
        assert await read(stream) is cut


async def test_speech_that_is_cut_leaves_a_stream_that_does_not_follow_interruptions() -> None:
    stream = NoticeStream((AudioDelta,))
    kept = speech(PARTS[1])
    for piece in (speech(PARTS[0]), kept, speech(PARTS[0])):
        stream.put(piece)
    stream.put(interrupted(PARTS[0]))
    stream.end(ConnectionClosedOK(1000))
    assert [each async for each in stream] == [kept]


def is_of(notice: object, part: tuple[str, int]) -> bool:
    return isinstance(notice, AudioDelta) and (notice.item_id, notice.content_index) == part


async def read(stream: BaseStream[Any]) -> object:
    """The next notice of either kind of stream."""
    if isinstance(stream, BlockingNoticeStream):
        return stream.receive(timeout=0)
    assert isinstance(stream, NoticeStream)
    return await anext(aiter(stream))


Step: TypeAlias = tuple[str, tuple[str, int], int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["speech", "speech", "words", "cut", "read"]), st.sampled_from(PARTS), st.integers(0, 5)),
    max_size=60,
)


@given(STEPS, st.sampled_from([NoticeStream, BlockingNoticeStream]))
def test_only_what_was_cut_leaves_a_stream_and_all_else_keeps_its_order_and_its_size(
    steps: list[Step], make: Callable[..., BaseStream[object]]
) -> None:
    stream = make((AudioDelta, TextDelta, Interrupted))
    unread: list[AudioDelta | TextDelta | Interrupted] = []
    for act, part, size in steps:
        if act == "read":
            assert stream._take() is (unread.pop(0) if unread else None)
            continue
        notice = speech(part, bytes(size)) if act == "speech" else words(part) if act == "words" else interrupted(part)
        if isinstance(notice, Interrupted):
            unread = [
                each
                for each in unread
                if not (isinstance(each, AudioDelta) and (each.item_id, each.content_index) == part)
            ]
        unread.append(notice)
        stream.put(notice)
        assert stream._unread_bytes == sum(
            len(each.audio) if isinstance(each, AudioDelta) else len(each.delta)
            for each in unread
            if not isinstance(each, Interrupted)
        )
    stream.end(ConnectionClosedOK(1000))
    for expected in unread:
        assert stream._take() is expected
    assert isinstance(stream._take(), StreamEnd)


async def test_pain_13_a_reader_that_has_stopped_reading_gets_an_overflow_and_the_conversation_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serving(
        [
            Send(unasked(created("resp_1")), added(message("item_1", "assistant", status="in_progress"))),
            Send(*[audio_delta("resp_1", "item_1", bytes(960))] * 20, unasked(ended("resp_1"))),
            *asks("resp_2", "item_2", "Yes."),
        ]
    )
    async with (
        talking(server) as conversation,
        conversation.stream(AudioDelta) as unread,
        conversation.stream(RequestEnded) as read,
    ):
        monkeypatch.setattr("duologue.client.asyncio.streams.MAX_UNREAD_NOTICES", 8)
        asking = asyncio.ensure_future(conversation.respond(timeout=5))
        await following(read)
        with pytest.raises(StreamOverflow):
            await following(unread, 20)
        await asking
