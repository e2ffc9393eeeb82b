"""Recordings that are written."""

from __future__ import annotations

import io
import itertools
import os
import stat
from pathlib import Path

import msgspec
import pytest

from duologue.errors import RecordingError
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    Frame,
    MarkNote,
    NoteLine,
    RecordingLine,
    RecordingReader,
    RecordingWriter,
    UnknownLine,
)

KEY = "sk-proj-abcdefgh12345678"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a recording."""
    return tmp_path / "s.jsonl"


def frames_of(path: Path) -> list[Frame]:
    with RecordingReader(path) as recording:
        return list(recording)


def lines_of(path: Path) -> list[RecordingLine]:
    with RecordingReader(path) as recording:
        return list(recording.lines())


def test_each_message_has_its_direction_and_the_seconds_since_the_start(path: Path) -> None:
    ticks = itertools.count(100.0, 0.25)
    with RecordingWriter(path, clock=lambda: next(ticks)) as writer:
        writer.write("sent", "a")
        writer.write("received", "b")
    read = [(frame.at_s, frame.direction) for frame in frames_of(path)]
    assert read == [(0.25, "sent"), (0.5, "received")]


def test_the_first_line_says_what_the_file_is(path: Path) -> None:
    RecordingWriter(path, side="server").close()
    header = msgspec.json.decode(path.read_bytes())
    assert (header["duologue"], header["version"], header["side"]) == ("recording", 2, "server")


def test_a_line_can_be_read_as_soon_as_it_was_written(path: Path) -> None:
    writer = RecordingWriter(path)
    writer.write("sent", "now")
    assert [frame.message for frame in frames_of(path)] == ["now"]
    writer.close()


def test_nothing_is_written_after_the_close(path: Path) -> None:
    writer = RecordingWriter(path)
    writer.close()
    writer.close()
    writer.write("sent", "late")
    assert (writer.frames, writer.failure, frames_of(path)) == (0, None, [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_kept_as_the_failure_and_raises_nothing() -> None:
    with RecordingWriter("/dev/full") as writer:
        writer.write("sent", "a")
        writer.write("sent", "b")
    assert writer.frames == 0
    assert str(writer.failure) == "recording to /dev/full stopped: No space left on device"


def test_the_header_says_which_session_it_is_and_no_key(path: Path) -> None:
    RecordingWriter(
        path,
        url=f"wss://me:pw@api.example.com/v1/realtime?model=m&api-key=zzz&token={KEY}",
        model="m",
        dialect="openai",
        family="realtime",
        subject=f"user 7 with {KEY}",
    ).close()
    with RecordingReader(path) as recording:
        header = recording.header
    assert header.url == "wss://api.example.com/v1/realtime?model=m"
    assert (header.model, header.dialect, header.family) == ("m", "openai", "realtime")
    assert header.subject == "user 7 with (secret, 24 characters)"


def test_what_is_no_message_is_written_as_lines_of_their_own(path: Path) -> None:
    ticks = itertools.count(10.0, 1.0)
    with RecordingWriter(path, clock=lambda: next(ticks)) as writer:
        writer.note(MarkNote(text="here"))
        writer.closed(1006, by="network")
        writer.connected(url="wss://a.example/v1?key=1", model="m", dialect="qwen", connection=2)
        writer.write("sent", "a", connection=2)
    assert lines_of(path) == [
        NoteLine(at_s=1.0, note=MarkNote(text="here")),
        ClosedLine(at_s=2.0, code=1006, by="network"),
        ConnectedLine(at_s=3.0, url="wss://a.example/v1", model="m", dialect="qwen", connection=2),
        Frame(at_s=4.0, direction="sent", message="a", connection=2),
    ]
    assert writer.frames == 1


def test_lines_of_a_later_version_can_be_copied(path: Path) -> None:
    line = UnknownLine(fields={"at_s": 1, "weather": {"rain": True}})
    with RecordingWriter(path) as writer:
        writer.write_line(line)
    assert lines_of(path) == [line]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_only_the_owner_can_read_the_file(path: Path) -> None:
    RecordingWriter(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "message", [f'{{"a":"{KEY}"}}', f'{{"a":"{KEY}"}}'.encode(), f"no JSON {KEY}"], ids=["text", "binary", "damaged"]
)
def test_secrets_are_left_out_unless_they_are_asked_for(tmp_path: Path, message: str | bytes) -> None:
    clean, whole = tmp_path / "clean.jsonl", tmp_path / "whole.jsonl"
    for path, keeps in ((clean, False), (whole, True)):
        with RecordingWriter(path, keep_secrets=keeps) as writer:
            writer.write("sent", message)
            writer.closed(1008, f"not with {KEY}", by="server")
            writer.note(MarkNote(text=KEY))
    assert KEY not in "".join(str(line) for line in lines_of(clean))
    assert [str(line).count(KEY) for line in lines_of(whole)] == [1, 1, 1]


def test_a_file_that_is_open_is_written_to_and_left_open() -> None:
    file = io.BytesIO()
    with RecordingWriter(file) as writer:
        writer.write("sent", "a")
    writer.write("sent", "late")
    assert not file.closed
    with RecordingReader("memory", stream=io.BytesIO(file.getvalue())) as recording:
        assert [frame.message for frame in recording] == ["a"]


def test_each_line_of_a_buffered_file_is_flushed(path: Path) -> None:
    with path.open("wb") as file, RecordingWriter(file) as writer:
        writer.write("sent", "now")
        assert [frame.message for frame in frames_of(path)] == ["now"]
    assert writer.path == str(path)


def test_a_file_that_is_open_for_text_is_refused(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file, pytest.raises(TypeError, match="mode 'wb'"):
        RecordingWriter(file)  # type: ignore[arg-type]


def test_a_given_file_that_is_closed_is_a_failure_and_raises_nothing() -> None:
    file = io.BytesIO()
    writer = RecordingWriter(file)
    file.close()
    writer.write("sent", "a")
    assert writer.frames == 0


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot write"):
        RecordingWriter(tmp_path / "no" / "folder.jsonl")
