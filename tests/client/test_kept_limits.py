"""A hostile server cannot fill a client's memory: the conversation ends with a sentence, in both clients."""

from __future__ import annotations

import asyncio
import threading

import pytest

from duologue import blocking
from duologue.audio.formats import PCM
from duologue.client import converse
from duologue.client.asyncio.streams import MAX_UNREAD_BYTES, NoticeStream
from duologue.client.asyncio.tool_runner import MAX_THREADS, ToolRunner
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.errors import ConnectionClosedError, StreamOverflow
from duologue.events import RealtimeEvent
from duologue.notices import AudioDelta
from duologue.protocol.client.core import CoreOptions
from duologue.protocol.client.limits import KeptLimits
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import ScriptedServer, Send, Stall
from tests.client._frames import added, greeting, message
from tests.client._threads import aside
from tests.client._waiting import FAST, no_task_left

OPTIONS = CoreOptions(kept=KeptLimits(items=5))
SENTENCE = r"closed with code 1009 \(the server sent more than 5 items, which is more than is kept"


def hostile() -> ScriptedServer:
    frames = [added(message(f"item_{number}", "user", "Hello")) for number in range(20)]
    return ScriptedServer([Send(greeting(), *frames), Stall()], [Send(greeting())])


async def test_a_conversation_that_is_told_too_much_ends_and_says_of_what() -> None:
    server = hostile()
    async with (
        no_task_left(),
        converse(open_connection=server.connect, options=OPTIONS, reconnect=FAST) as conversation,
        conversation.stream(RealtimeEvent) as events,
    ):
        with pytest.raises(ConnectionClosedError, match=SENTENCE):
            async for _ in events:
                pass
        assert len(conversation.items) <= 6
    assert len(server.received) == 1


def test_a_blocking_conversation_that_is_told_too_much_ends_and_says_of_what() -> None:
    server = hostile()
    with (
        aside(server.listening) as url,
        blocking.converse(url, options=OPTIONS, reconnect=FAST) as conversation,
        conversation.stream(RealtimeEvent, timeout=5) as events,
        pytest.raises(ConnectionClosedError, match=SENTENCE),
    ):
        for _ in events:
            pass


def large_piece() -> AudioDelta:
    audio = bytes(MAX_UNREAD_BYTES // 4)
    return AudioDelta(response_id="r", item_id="i", content_index=0, audio=audio, encoding=PCM)


async def test_a_stream_holds_so_many_bytes_unread_and_ends_then() -> None:
    stream = NoticeStream((AudioDelta,))
    piece = large_piece()
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


def test_a_blocking_stream_holds_so_many_bytes_unread_and_ends_then() -> None:
    stream = BlockingNoticeStream((AudioDelta,))
    piece = large_piece()
    for _ in range(8):
        stream.put(piece)
        stream.receive(timeout=5)
    for _ in range(10):
        stream.put(piece)
    for _ in range(4):
        stream.receive(timeout=5)
    with pytest.raises(StreamOverflow, match="4 notices were not read"):
        stream.receive(timeout=5)


async def test_a_message_that_alone_is_larger_is_told_all_the_same() -> None:
    stream = NoticeStream((AudioDelta,))
    audio = bytes(MAX_UNREAD_BYTES + 1)
    stream.put(AudioDelta(response_id="r", item_id="i", content_index=0, audio=audio, encoding=PCM))
    assert len((await anext(aiter(stream))).audio) == len(audio)


async def test_functions_that_were_given_up_and_go_on_count_among_those_that_run() -> None:
    release, started = threading.Event(), threading.Semaphore(0)
    failed: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def endless() -> str:
        started.release()
        release.wait(30)
        return "late"

    toolbox = Toolbox(endless)
    tools = ToolRunner(
        timeout=20, answered=lambda *_: None, failed=lambda call_id, reason: failed.put_nowait((call_id, reason))
    )
    try:
        for number in range(MAX_THREADS):
            tools.start(a_call(toolbox, number))
            assert await asyncio.to_thread(started.acquire, True, 5)
            tools.stop(f"call_{number}")
        tools.start(a_call(toolbox, MAX_THREADS))
        call_id, reason = await asyncio.wait_for(failed.get(), 5)
        assert call_id == f"call_{MAX_THREADS}"
        assert f"{MAX_THREADS} functions run already" in reason
    finally:
        release.set()
        await tools.close()


def a_call(toolbox: Toolbox, number: int) -> ToolCall:
    return ToolCall(call_id=f"call_{number}", response_id="r", name="endless", bound=toolbox.bind("endless", "{}"))
