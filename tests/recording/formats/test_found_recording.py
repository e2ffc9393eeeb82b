"""Other files of frames as recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duologue.errors import RecordingError
from duologue.recording import Frame, RecordingLine, UnknownLine
from duologue.recording.formats import FoundRecording, FrameFile
from duologue.recording.lines import LATEST_S


def har(path: Path, *messages: tuple[str, float, str], opcode: int = 1) -> Path:
    found = [{"type": way, "time": time, "opcode": 1, "data": data} for way, time, data in messages]
    found[-1]["opcode"] = opcode
    entry = {"request": {"url": "wss://host/v1/realtime"}, "_webSocketMessages": found}
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    return path


def read(path: Path) -> tuple[FoundRecording, list[RecordingLine]]:
    with FrameFile(path) as frames:
        found = FoundRecording(frames)
        return found, list(found.lines())


def test_times_count_from_the_first_frame_and_the_date_is_its(tmp_path: Path) -> None:
    cancel = '{"type":"response.cancel"}'
    found, lines = read(har(tmp_path / "a.har", ("send", 1.8e9, cancel), ("receive", 1.8e9 + 0.25, cancel)))
    assert lines == [
        Frame(at_s=0, direction="sent", message=cancel), Frame(at_s=0.25, direction="received", message=cancel)
    ]  # fmt: skip
    assert found.header.started_at == "2027-01-15T08:00:00.000+00:00"
    assert (found.header.side, found.cut_off) == ("client", False)


def test_what_is_no_frame_is_a_line_that_says_why(tmp_path: Path) -> None:
    update = '{"type":"session.update"}'
    _, lines = read(har(tmp_path / "a.har", ("send", 1.8e9, update), ("send", 1.8e9 + 1, "AAAA"), opcode=2))
    assert isinstance(lines[1], UnknownLine)
    assert lines[1].fields["no frame"]


def test_a_file_without_times_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text('{"type":"session.update"}\n', encoding="utf-8")
    with FrameFile(path) as frames, pytest.raises(RecordingError, match="does not say when each message passed"):
        FoundRecording(frames)


def test_a_time_that_no_session_reaches_is_cut(tmp_path: Path) -> None:
    cancel = '{"type":"response.cancel"}'
    _, lines = read(har(tmp_path / "a.har", ("send", 1.0, cancel), ("receive", 1e308, cancel)))
    assert isinstance(lines[1], Frame)
    assert lines[1].at_s == LATEST_S
