"""The transport that plays a recording."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

import duologue
from duologue.errors import ConnectionClosedError, ConnectionClosedOK
from duologue.events import InputAudioBufferClearedEvent, InputAudioBufferClearEvent
from duologue.recording import RecordingReader, RecordingWriter, ReplayTransport


def record(path: Path, *messages: str, seconds_apart: float = 0.0) -> Path:
    ticks = itertools.count(0.0, seconds_apart) if seconds_apart else itertools.repeat(0.0)
    with RecordingWriter(path, clock=lambda: next(ticks)) as writer:
        for message in messages:
            writer.write("received", message)
    return path


async def test_a_client_gets_what_was_received_and_then_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with RecordingWriter(path) as writer:
        writer.write("received", '{"type":"input_audio_buffer.cleared","event_id":"a"}')
        writer.write("sent", '{"type":"input_audio_buffer.clear"}')
        writer.write("received", '{"type":"input_audio_buffer.cleared","event_id":"b"}')
    with RecordingReader(path) as reader:
        async with duologue.connect(transport=ReplayTransport(reader)) as connection:
            await connection.send(InputAudioBufferClearEvent())
            events = [event async for event in connection]
    assert events == [InputAudioBufferClearedEvent(event_id=name) for name in "ab"]


async def test_a_damaged_line_closes_the_pipe_and_says_where_it_is(tmp_path: Path) -> None:
    path = record(tmp_path / "s.jsonl", "one")
    with path.open("ab") as file:
        file.write(b"garbage\n")
    with RecordingReader(path) as reader:
        transport = ReplayTransport(reader)
        assert await transport.receive() == "one"
        with pytest.raises(ConnectionClosedError, match=r"1006 .*s\.jsonl, line 3"):
            await transport.receive()
        with pytest.raises(ConnectionClosedError):
            await transport.send("x")


async def test_it_closes_as_the_server_did(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with RecordingWriter(path) as writer:
        writer.write("received", "one")
        writer.closed(4001, "no more", by="server")
    with RecordingReader(path) as reader:
        transport = ReplayTransport(reader)
        assert await transport.receive() == "one"
        with pytest.raises(ConnectionClosedError, match="4001"):
            await transport.receive()


async def test_a_recorded_close_of_the_client_is_the_end_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with RecordingWriter(path) as writer:
        writer.closed(1001, "leaving", by="client")
        writer.write("received", "late")
    with RecordingReader(path) as reader:
        transport = ReplayTransport(reader)
        assert await transport.receive() == "late"
        with pytest.raises(ConnectionClosedOK, match="the recording is over"):
            await transport.receive()


@pytest.mark.parametrize(("connection", "message"), [(1, "one"), (2, "two")])
async def test_one_connection_of_several_is_played(tmp_path: Path, connection: int, message: str) -> None:
    path = tmp_path / "s.jsonl"
    with RecordingWriter(path) as writer:
        writer.connected(connection=2)
        writer.write("received", "two", connection=2)
        writer.write("received", "one")
        writer.closed(1001, "the first", by="server")
        writer.closed(1001, "the second", by="server", connection=2)
    with RecordingReader(path) as reader:
        transport = ReplayTransport(reader, connection=connection)
        assert await transport.receive() == message
        with pytest.raises(ConnectionClosedOK, match="1001"):
            await transport.receive()


@pytest.mark.usefixtures("idle_clock")
async def test_paced_messages_keep_their_distance(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop()
    with RecordingReader(record(tmp_path / "s.jsonl", "one", "two", "three", seconds_apart=0.03)) as reader:
        transport = ReplayTransport(reader, paced=True)
        began_s = clock.time()
        assert [await transport.receive() for _ in range(3)] == ["one", "two", "three"]
        assert clock.time() - began_s == pytest.approx(0.09)


async def test_a_close_ends_the_wait_for_a_message_that_is_not_due(tmp_path: Path) -> None:
    with RecordingReader(record(tmp_path / "s.jsonl", "in an hour", seconds_apart=3600.0)) as reader:
        transport = ReplayTransport(reader, paced=True)
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(_closed_with(transport))
            await asyncio.sleep(0)
            await transport.close(1001, "enough")
    assert receiving.result() == 1001


@pytest.mark.usefixtures("idle_clock")
async def test_cancelling_a_receive_loses_nothing(tmp_path: Path) -> None:
    with RecordingReader(record(tmp_path / "s.jsonl", "one", seconds_apart=0.05)) as reader:
        transport = ReplayTransport(reader, paced=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await transport.receive()
        assert await transport.receive() == "one"
        with pytest.raises(ConnectionClosedOK):
            await transport.receive()


async def _closed_with(transport: ReplayTransport) -> int:
    with pytest.raises(ConnectionClosedOK) as caught:
        await transport.receive()
    return caught.value.code
