from __future__ import annotations

import asyncio

import pytest

from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.transports.webrtc.inbox import Inbox


async def test_messages_come_before_the_end() -> None:
    ends: list[int] = []
    inbox = Inbox(lambda: ends.append(1))
    inbox.put("one")
    inbox.put(b"two")
    inbox.end(1000, "done")
    inbox.end(1006, "too late")
    inbox.put("behind the end")
    assert ends == [1]
    assert inbox.ended
    assert [await inbox.take(), await inbox.take()] == ["one", b"two"]
    for _ in range(2):
        with pytest.raises(ConnectionClosedOK) as caught:
            await inbox.take()
        assert (caught.value.code, caught.value.reason) == (1000, "done")


async def test_one_who_waits_gets_the_next_message_or_the_end() -> None:
    inbox = Inbox(lambda: None)
    async with asyncio.timeout(5):
        waiting = asyncio.gather(inbox.take())
        await asyncio.sleep(0)
        inbox.put("late")
        assert list(await waiting) == ["late"]
        ending = asyncio.gather(inbox.take(), return_exceptions=True)
        await asyncio.sleep(0)
        inbox.end(1006)
        assert isinstance((await ending)[0], ConnectionClosedError)


async def test_what_is_not_read_is_bounded() -> None:
    inbox = Inbox(lambda: None)
    for _ in range(40):
        inbox.put("x" * 262_144)
    assert inbox.ended
    read = 0
    with pytest.raises(ConnectionClosedError) as caught:  # noqa: PT012 - what was kept can still be read
        while True:
            await inbox.take()
            read += 1
    assert caught.value.code == 1008
    assert 25 <= read <= 32


async def test_a_flood_of_empty_messages_is_bounded_too() -> None:
    inbox = Inbox(lambda: None)
    for number in range(1_000_000):
        inbox.put("")
        if inbox.ended:
            assert number < 200_000
            return
    raise AssertionError("all were kept")


async def test_an_open_inbox_passes_its_check() -> None:
    Inbox(lambda: None).check()
