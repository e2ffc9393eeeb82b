"""What ends the work beside a block: its sink or source, which may fail, be cancelled, and not close."""

from __future__ import annotations

import asyncio
import logging

import pytest

from duologue.client import Conversation
from duologue.errors import DuologueError
from duologue.sound import AudioSink, AudioSource
from tests.client._frames import serving
from tests.client.sound._speaking import CUE, cue, speaks, talking
from tests.client.sound._virtual_time import in_virtual_time


class CancelledSink(AudioSink):
    """Its own task was cancelled, which is no cancellation of what waits for it."""

    def write(self, audio: bytes) -> None:
        raise asyncio.CancelledError


class CancelledSource(AudioSource):
    """The same."""

    async def read(self) -> bytes:
        await asyncio.sleep(0.04)
        raise asyncio.CancelledError


class Gone(AudioSink):
    """A device that fails, and then does not close either."""

    def write(self, audio: bytes) -> None:
        raise OSError("the device is gone")

    def close(self) -> None:
        raise OSError("it does not close")


async def _played_for_ever(conversation: Conversation, sink: AudioSink) -> None:
    async with conversation.play(sink):
        await cue(conversation)
        await asyncio.sleep(3600)


@in_virtual_time
async def test_a_sink_that_is_cancelled_by_itself_ends_the_block_with_a_fault() -> None:
    async with talking(serving([CUE, speaks(1000)])) as conversation:
        with pytest.raises(DuologueError, match="what it plays or hears with was cancelled"):
            await _played_for_ever(conversation, CancelledSink())
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


@in_virtual_time
async def test_a_source_that_is_cancelled_by_itself_is_a_fault_where_it_is_awaited() -> None:
    async with talking(serving([])) as conversation:
        with pytest.raises(DuologueError, match="what it plays or hears with was cancelled"):
            await conversation.listen(CancelledSource())


@in_virtual_time
async def test_what_a_sink_failed_with_is_raised_and_that_it_does_not_close_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with talking(serving([CUE, speaks(1000)])) as conversation:
        with pytest.raises(OSError, match="the device is gone"), caplog.at_level(logging.ERROR, "duologue.client"):
            await _played_for_ever(conversation, Gone())
    assert "does not close either" in caplog.text
