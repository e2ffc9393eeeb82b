"""Streams of notices: each has a limit, and ends with the conversation."""

from __future__ import annotations

import asyncio

import pytest

from duologue.client.asyncio.streams import MAX_UNREAD_BYTES, NoticeStream
from duologue.errors import StreamOverflow
from duologue.notices import AudioDelta, RequestEnded
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
