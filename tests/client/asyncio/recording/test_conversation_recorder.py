"""Recordings of conversations."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from duologue.client import Endpoint, converse
from duologue.client.asyncio.connect import connect
from duologue.errors import ConnectFailed, RecordingError
from duologue.notices import AudioDone, ConnectionLost, RecordingStopped
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    Frame,
    MarkNote,
    NoteLine,
    PlaybackNote,
    RecordedConversation,
    RecordingLine,
    RecordingReader,
    RecordingWriter,
    ToolNote,
)
from duologue.testing import Close, Drop, Expect, ScriptedServer, Send
from tests.client._frames import (
    added,
    asks,
    audio_delta,
    call,
    created,
    creates_item,
    ended,
    greeting,
    message,
    serving,
    tool_turn,
    unasked,
)
from tests.client._waiting import following, no_task_left, talking

KEY = "sk-proj-abcdefgh12345678"
SPEECH = bytes(48_000)
"""A second of it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of the recording."""
    return tmp_path / "call.jsonl"


def lines_of(path: Path) -> list[RecordingLine]:
    with RecordingReader(path) as recording:
        return list(recording.lines())


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def types_of(lines: Sequence[RecordingLine]) -> list[tuple[str, str, int]]:
    return [
        (line.direction, json.loads(line.message)["type"], line.connection) for line in lines if isinstance(line, Frame)
    ]


def notes_of(path: Path) -> list[Any]:
    return [line.note for line in lines_of(path) if isinstance(line, NoteLine)]


async def test_every_message_of_a_conversation_is_recorded_in_its_order_and_its_end(path: Path) -> None:
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.")])
    async with talking(server, record=path) as conversation:
        assert await conversation.ask("Hi", timeout=5) == "Hello."
    lines = lines_of(path)
    types = types_of(lines)
    assert types[:2] == [("received", "session.created", 1), ("sent", "conversation.item.create", 1)]
    assert types[-1] == ("received", "response.done", 1)
    sent = [json.loads(line.message) for line in lines if isinstance(line, Frame) and line.direction == "sent"]
    assert sent == server.received[0]
    assert [(line.code, line.by) for line in lines if isinstance(line, ClosedLine)] == [(1000, "client")]
    assert lines[-1] == ClosedLine(at_s=lines[-1].at_s, code=1000, by="client")  # type: ignore[union-attr]


async def test_over_a_socket_the_header_says_where_it_was_and_holds_no_key(path: Path) -> None:
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.")])
    async with no_task_left(), server.listening() as url:
        endpoint = Endpoint(url=f"{url}/v1/realtime?api-key={KEY}", model="m", api_key=KEY, dialect="openai")
        async with converse(endpoint, record=path) as conversation:
            await conversation.ask("Hi", timeout=5)
    with RecordingReader(path) as recording:
        header = recording.header
    assert (header.model, header.dialect, header.family, header.side) == ("m", "openai", "realtime", "client")
    assert header.url == f"{url}/v1/realtime?model=m"
    assert KEY not in text_of(path)


async def test_all_connections_of_a_conversation_are_in_one_file(path: Path) -> None:
    server = serving(
        [*creates_item("item_1"), Close(1011, "try again")],
        [*creates_item("item_2"), *creates_item("item_3", after="item_2"), *asks("resp_1", "item_4", "Yes.")],
    )
    async with talking(server, record=path) as conversation:
        async with conversation.stream(ConnectionLost) as losses:
            await conversation.send_text("hello")
            await following(losses)
        await conversation.restored(timeout=5)
        assert await conversation.ask("Well?", timeout=5) == "Yes."
        transcript = str(conversation.transcript())
    recorded = str(RecordedConversation(path).transcript())
    assert sorted(recorded.splitlines()) == sorted(transcript.splitlines())
    assert sorted(recorded.splitlines()) == ["assistant: Yes.", "user: Well?", "user: hello"]
    lines = lines_of(path)
    assert Counter(type(line) for line in lines)[ConnectedLine] == 1
    connected = next(index for index, line in enumerate(lines) if isinstance(line, ConnectedLine))
    closed = [
        (line.code, line.reason, line.by, line.connection) for line in lines[:connected] if isinstance(line, ClosedLine)
    ]
    assert closed == [(1011, "try again", "server", 1)]
    assert {number for _, _, number in types_of(lines[:connected])} == {1}
    assert {number for _, _, number in types_of(lines[connected:])} == {2}
    assert types_of(lines[connected:])[0] == ("received", "session.created", 2)


async def test_a_connection_that_is_lost_ends_without_a_close(path: Path) -> None:
    server = serving([*creates_item("item_1"), Drop()], [*creates_item("item_2")])
    async with talking(server, record=path) as conversation, conversation.stream(ConnectionLost) as losses:
        await conversation.send_text("hello")
        await following(losses)
        await conversation.restored(timeout=5)
    closed = [(line.code, line.by) for line in lines_of(path) if isinstance(line, ClosedLine)]
    assert closed == [(1006, "network"), (1000, "client")]


async def test_what_was_heard_of_the_model_is_noted_when_it_begins_each_second_and_at_its_end(path: Path) -> None:
    spoken = message("item_1", "assistant")
    server = serving(
        [
            Send(
                unasked(created("resp_1")),
                added(spoken),
                *(audio_delta("resp_1", "item_1", SPEECH) for _ in range(3)),
                {"type": "response.output_audio.done", "response_id": "resp_1", "item_id": "item_1", "output_index": 0,
                 "content_index": 0},
                unasked(ended("resp_1")),
            )
        ]
    )  # fmt: skip
    async with talking(server, record=path) as conversation:
        async with conversation.stream(AudioDone) as ends:
            await following(ends)
        for _ in range(75):
            conversation.report_played("item_1", n_bytes=1920)  # 40 ms
    assert notes_of(path) == [
        PlaybackNote(item_id="item_1", heard_ms=40),
        PlaybackNote(item_id="item_1", heard_ms=1040),
        PlaybackNote(item_id="item_1", heard_ms=2040),
        PlaybackNote(item_id="item_1", heard_ms=3000, is_over=True),
    ]


async def test_what_the_user_cut_off_is_noted_as_over(path: Path) -> None:
    server = serving(
        [
            Send(unasked(created("resp_1")), added(message("item_1", "assistant"))),
            Send(audio_delta("resp_1", "item_1", SPEECH)),
            Expect("response.cancel"),
            Expect("conversation.item.truncate"),
        ]
    )
    async with talking(server, record=path) as conversation:
        async with conversation.stream("response.output_audio.delta") as deltas:
            await following(deltas)
        conversation.report_played("item_1", n_bytes=4800)
        await conversation.interrupt()
        await conversation.drain()
    assert notes_of(path) == [
        PlaybackNote(item_id="item_1", heard_ms=100),
        PlaybackNote(item_id="item_1", heard_ms=100, is_over=True),
    ]


async def test_functions_are_noted_when_they_begin_and_end_whatever_comes_of_them(path: Path) -> None:
    def works() -> str:
        return "yes"

    async def fails() -> str:
        raise ValueError("no")

    server = serving(tool_turn(call("call_1", "works", "{}"), call("call_2", "fails", "{}")))
    async with talking(server, tools=[works, fails], record=path) as conversation:
        await conversation.ask("Do both", timeout=5)
    notes = notes_of(path)
    for name, call_id in (("works", "call_1"), ("fails", "call_2")):
        assert [note.step for note in notes if note.call_id == call_id] == ["begin", "end"]
        assert ToolNote(name=name, call_id=call_id, step="end") in notes


async def test_the_application_marks_moments(path: Path) -> None:
    async with talking(serving([]), record=path) as conversation:
        conversation.mark("here")
        conversation.mark(f"and {KEY}")
    assert notes_of(path) == [MarkNote(text="here"), MarkNote(text="and (secret, 24 characters)")]
    async with talking(serving([])) as conversation:
        conversation.mark("nothing records this")


async def test_without_a_recording_no_message_takes_a_detour() -> None:
    async with talking(serving([])) as conversation:
        connection = conversation._supervisor.connection
        assert connection is not None
        assert type(connection._transport).__name__ == "MemoryTransport"
        assert conversation.core.output_audio.playback.watch is None
        assert conversation._tools.watch is None


async def test_a_file_that_is_open_is_left_open() -> None:
    file = io.BytesIO()
    async with talking(serving([]), record=file) as conversation:
        conversation.mark("here")
    with RecordingReader("memory", stream=io.BytesIO(file.getvalue())) as recording:
        assert [type(line).__name__ for line in recording.lines()] == ["Frame", "NoteLine", "ClosedLine"]


async def test_a_file_that_cannot_be_made_is_found_out_before_there_is_a_connection(tmp_path: Path) -> None:
    server = serving([])
    with pytest.raises(RecordingError, match="cannot write"):
        async with converse(open_connection=server.connect, record=tmp_path / "no" / "call.jsonl"):
            pytest.fail("the block began")
    assert server.received == []


async def test_a_file_that_is_there_stays_when_there_is_no_connection(path: Path) -> None:
    RecordingWriter(path).close()
    older = text_of(path)
    with pytest.raises(ConnectFailed):
        async with converse("ws://127.0.0.1:9/v1/realtime", record=path):
            pytest.fail("the block began")
    assert text_of(path) == older


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_on_a_full_disk_a_notice_says_so_and_the_conversation_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.")])
    async with talking(server, record="/dev/full") as conversation, conversation.stream(RecordingStopped) as stops:
        (stopped,) = await following(stops)
        assert await conversation.ask("Hi", timeout=5) == "Hello."
    assert stopped == RecordingStopped(
        path="/dev/full", reason="recording to /dev/full stopped: No space left on device"
    )
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert logged == ["recording to /dev/full stopped: No space left on device; the conversation goes on"]


async def test_a_disk_that_fills_up_on_the_way_ends_the_recording_alone() -> None:
    class Filling(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if b"conversation.item.create" in bytes(data):
                raise OSError(28, "No space left on device")
            return super().write(data)

    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.")])
    file = Filling()
    async with talking(server, record=file) as conversation, conversation.stream(RecordingStopped) as stops:
        assert await conversation.ask("Hi", timeout=5) == "Hello."
        (stopped,) = await following(stops)
    assert stopped.reason.endswith("No space left on device")
    with RecordingReader("memory", stream=io.BytesIO(file.getvalue())) as recording:
        assert [json.loads(frame.message)["type"] for frame in recording] == ["session.created"]


async def test_what_has_passed_is_in_the_file_before_the_conversation_ends(path: Path) -> None:
    server = serving([*creates_item("item_1"), *asks("resp_1", "item_2", "Hello.")])
    async with talking(server, record=path) as conversation:
        await conversation.ask("Hi", timeout=5)
        types = types_of(lines_of(path))
    assert types[-1] == ("received", "response.done", 1)


async def test_a_conversation_that_is_cancelled_leaves_a_whole_recording(path: Path) -> None:
    began = asyncio.Event()

    async def hold() -> None:
        async with converse(open_connection=serving([]).connect, record=path):
            began.set()
            await asyncio.Event().wait()

    holding = asyncio.ensure_future(hold())
    async with asyncio.timeout(5):
        await began.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert [type(line).__name__ for line in lines_of(path)] == ["Frame", "ClosedLine"]


async def test_an_opener_of_the_applications_own_is_recorded_too(path: Path) -> None:
    server = ScriptedServer([Send(greeting())])
    async with no_task_left(), server.listening() as url:
        opener = partial(connect, f"{url}/v1/realtime")
        async with converse(open_connection=opener, record=path):
            pass
    assert [type(line).__name__ for line in lines_of(path)] == ["Frame", "ClosedLine"]
