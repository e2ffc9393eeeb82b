"""An audio feed sends silence in real time, and what is said in its place."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import msgspec
import pytest

from duologue.conformance.wire.audio_feed import AudioFeed
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.transports import memory_pair

pytestmark = pytest.mark.usefixtures("idle_clock")

APPEND = "session.input_audio.append"


async def _heard(*said: bytes, silence: bytes = b"\0", seconds: float = 1) -> list[bytes]:
    ours, theirs = memory_pair()
    pieces: list[bytes] = []
    async with RawConnection.over(ours, "by hand", timeout_s=1) as connection:
        async with AudioFeed.on(connection, append=APPEND, bytes_per_ms=8, silence=silence) as feed:
            for each in said:
                await feed.say(each)
            await asyncio.sleep(seconds)
        assert feed.sent_ms == 100 * len(list(connection.trace.sent(APPEND)))
        for _ in range(len(list(connection.trace.sent(APPEND)))):
            event = msgspec.json.decode(await theirs.receive())
            assert event.keys() == {"type", "audio"}
            pieces.append(b64decode(event["audio"]))
    return pieces


async def test_it_sends_ten_pieces_of_100_ms_in_a_second() -> None:
    pieces = await _heard(seconds=1.05)
    assert len(pieces) == 11
    assert set(pieces) == {bytes(800)}


async def test_what_is_said_comes_whole_and_in_its_order_and_the_last_piece_is_filled_with_silence() -> None:
    pieces = await _heard(b"a" * 1000, b"b" * 800, silence=b"\xff", seconds=0.5)
    sound = b"".join(pieces)
    assert sound.startswith(b"a" * 1000 + b"\xff" * 600)
    assert sound.lstrip(b"a").strip(b"\xff") == b"b" * 800


async def test_after_a_close_nothing_waits_to_be_said() -> None:
    ours, theirs = memory_pair()
    async with (
        RawConnection.over(ours, "by hand", timeout_s=1) as connection,
        AudioFeed.on(connection, append=APPEND) as feed,
        asyncio.timeout(5),
    ):
        await theirs.close()
        await feed.say(bytes(48_000))
        await feed.say(bytes(48_000))
