"""Calls that are kept become recordings."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from duologue.load.tape import LevelTape
from duologue.load.wire import client_frame
from duologue.recording import ClosedLine, Frame, RecordingReader


def tape_of(file: BinaryIO, most: int = 2) -> LevelTape:
    return LevelTape(file, most=most, url="ws://localhost:8000/v1/realtime?api_key=secret", model="m", family="live")


def test_one_call_of_several_is_recorded_as_it_went(tmp_path: Path) -> None:
    tape = tape_of(BytesIO())
    one, other, third = tape.call(0), tape.call(1), tape.call(2)
    assert one is not None
    assert other is not None
    assert third is None
    for n, text in enumerate((b"a", b"b" * 200, b"c" * 70_000)):
        one.sent(client_frame(text), 10.0 + n)
        other.sent(client_frame(b"not this"), 10.5 + n)
    one.received(b"answer", 14.0)
    one.received(b"\xff\xfe", 14.5)
    one.ended(1006, 15.0, by_client=False)
    tape.record(0, tmp_path / "call.jsonl")
    with RecordingReader(tmp_path / "call.jsonl") as recording:
        assert (recording.header.family, recording.header.model) == ("live", "m")
        assert "secret" not in str(recording.header.url)
        assert list(recording.lines()) == [
            Frame(at_s=0.0, direction="sent", message="a"),
            Frame(at_s=1.0, direction="sent", message="b" * 200),
            Frame(at_s=2.0, direction="sent", message="c" * 70_000),
            Frame(at_s=4.0, direction="received", message="answer"),
            Frame(at_s=4.5, direction="received", message=b"\xff\xfe"),
            ClosedLine(at_s=5.0, code=1006, by="network"),
        ]


def test_a_full_disk_ends_what_is_kept_and_nothing_else(tmp_path: Path) -> None:
    class Full(BytesIO):
        def write(self, content: object, /) -> int:
            raise OSError(28, "No space left on device")

    tape = tape_of(Full())
    call = tape.call(0)
    assert call is not None
    call.sent(client_frame(b"a"), 1.0)
    call.received(b"b", 2.0)
    assert tape.failure is not None
    tape.record(0, tmp_path / "call.jsonl")
    with RecordingReader(tmp_path / "call.jsonl") as recording:
        assert list(recording.lines()) == []
