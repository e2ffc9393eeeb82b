"""The transport that records."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.errors import ConnectionClosed, ConnectionClosedError
from duologue.recording import ClosedLine, RecordingReader, RecordingTransport, RecordingWriter, Side
from duologue.transports import memory_pair


async def test_both_directions_are_recorded_in_the_order_they_went_by(tmp_path: Path) -> None:
    one, other = memory_pair()
    with RecordingWriter(tmp_path / "s.jsonl") as writer:
        transport = RecordingTransport(one, writer)
        await transport.send("question")
        assert await other.receive() == "question"
        await other.send("answer")
        await other.send(b"\x00\x01")
        assert [await transport.receive(), await transport.receive()] == ["answer", b"\x00\x01"]
    with RecordingReader(tmp_path / "s.jsonl") as recording:
        frames = list(recording)
    assert [(frame.direction, frame.message) for frame in frames] == [
        ("sent", "question"),
        ("received", "answer"),
        ("received", b"\x00\x01"),
    ]
    assert [frame.at_s for frame in frames] == sorted(frame.at_s for frame in frames)


async def test_a_message_that_was_not_accepted_is_not_recorded(tmp_path: Path) -> None:
    one, other = memory_pair()
    with RecordingWriter(tmp_path / "s.jsonl") as writer:
        transport = RecordingTransport(one, writer)
        await other.close(3000, "go")
        with pytest.raises(ConnectionClosedError, match="3000"):
            await transport.send("too late")
        with pytest.raises(ConnectionClosed):
            await transport.receive()
    assert writer.frames == 0


def closes_of(path: Path) -> list[tuple[int, str, str, int]]:
    with RecordingReader(path) as recording:
        found = [line for line in recording.lines() if isinstance(line, ClosedLine)]
    return [(line.code, line.reason, line.by, line.connection) for line in found]


async def test_a_close_of_this_side_is_recorded_once(tmp_path: Path) -> None:
    one, other = memory_pair()
    with RecordingWriter(tmp_path / "s.jsonl") as writer:
        transport = RecordingTransport(one, writer, connection=3)
        await transport.close(1001, "bye")
        await transport.close()
        with pytest.raises(ConnectionClosed):
            await transport.receive()
        with pytest.raises(ConnectionClosed):
            await other.receive()
    assert closes_of(tmp_path / "s.jsonl") == [(1001, "bye", "client", 3)]


@pytest.mark.parametrize(("side", "by"), [("client", "server"), ("server", "client")])
async def test_a_close_of_the_other_side_is_recorded_once(tmp_path: Path, side: Side, by: str) -> None:
    one, other = memory_pair()
    with RecordingWriter(tmp_path / "s.jsonl", side=side) as writer:
        transport = RecordingTransport(one, writer)
        await other.close(4000, "no more")
        for _ in range(2):
            with pytest.raises(ConnectionClosedError):
                await transport.receive()
        await transport.close()
    assert closes_of(tmp_path / "s.jsonl") == [(4000, "no more", by, 1)]


async def test_a_connection_that_ends_without_a_close_was_lost_by_the_network(tmp_path: Path) -> None:
    one, other = memory_pair()
    with RecordingWriter(tmp_path / "s.jsonl") as writer:
        transport = RecordingTransport(one, writer)
        await other.close(1006)
        with pytest.raises(ConnectionClosedError):
            await transport.receive()
        await transport.close()
    assert closes_of(tmp_path / "s.jsonl") == [(1006, "", "network", 1)]


async def test_closing_closes_what_is_wrapped(tmp_path: Path) -> None:
    one, other = memory_pair()
    with RecordingWriter(tmp_path / "s.jsonl") as writer:
        await RecordingTransport(one, writer).close(1001, "bye")
    with pytest.raises(ConnectionClosed, match="1001"):
        await other.receive()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_full_disk_does_not_disturb_the_session() -> None:
    one, other = memory_pair()
    with RecordingWriter("/dev/full") as writer:
        await RecordingTransport(one, writer).send("still there")
        assert await other.receive() == "still there"
    assert writer.failure is not None
