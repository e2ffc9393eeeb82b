"""The transport that records."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.errors import ConnectionClosed, ConnectionClosedError
from duologue.recording import RecordingReader, RecordingTransport, RecordingWriter
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
