"""Recordings as files."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest

from duologue.errors import RecordingError
from duologue.recording import Frame, RecordingReader, RecordingWriter

HEADER = b'{"duologue":"recording","version":1,"started_at":"2026-03-01T12:00:00+00:00","side":"client"}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a recording."""
    return tmp_path / "s.jsonl"


def frames_of(path: Path) -> list[Frame]:
    with RecordingReader(path) as recording:
        return list(recording)


@pytest.mark.parametrize(
    "message",
    ["", '{"a": 1.0}', "two\nlines\r\n", "Grüße, 你好, \u2028", "\ud800 alone", b"", bytes(range(256))],
    ids=["empty", "spaces", "lines", "unicode", "surrogate", "no bytes", "all bytes"],
)
def test_a_message_is_read_back_exactly_as_it_was(path: Path, message: str | bytes) -> None:
    with RecordingWriter(path) as writer:
        writer.write("received", message)
    assert [frame.message for frame in frames_of(path)] == [message]


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
    assert (header["duologue"], header["version"], header["side"]) == ("recording", 1, "server")


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


@pytest.mark.parametrize(("rest", "cut_off"), [(b'\n{"at_s":2,"direction":"se', True), (b"", False)])
def test_a_last_line_that_was_cut_off_ends_the_recording_unless_it_lacks_only_its_end(
    path: Path, rest: bytes, cut_off: bool
) -> None:
    path.write_bytes(HEADER + b'{"at_s":1,"direction":"sent","text":"a"}' + rest)
    with RecordingReader(path) as recording:
        assert [frame.message for frame in recording] == ["a"]
        assert recording.cut_off is cut_off


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"",
        b"[]",
        b'{"direction":"sent","text":"a"}',
        b'{"at_s":1,"direction":"sideways","text":"a"}',
        b'{"at_s":1,"direction":"sent"}',
        b'{"at_s":1,"direction":"sent","text":7}',
        b'{"at_s":1,"direction":"sent","binary":"no base64!"}',
        b'{"at_s":1,"direction":"sent","text":"\xff"}',
    ],
)
def test_a_damaged_line_is_named_by_file_and_number(path: Path, line: bytes) -> None:
    good = b'{"at_s":1,"direction":"sent","text":"a"}\n'
    path.write_bytes(HEADER + good + line + b"\n" + good)
    with RecordingReader(path) as recording:
        assert next(recording).message == "a"
        with pytest.raises(RecordingError) as caught:
            next(recording)
    assert str(caught.value).startswith(f"{path}, line 3: ")


def test_fields_that_are_not_known_mean_nothing(path: Path) -> None:
    path.write_bytes(HEADER.replace(b"}", b',"more":1}') + b'{"at_s":1,"direction":"sent","text":"a","more":[]}\n')
    assert [frame.message for frame in frames_of(path)] == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"RIFF....WAVE",
        b'{"type":"session.created"}\n',
        b'{"duologue":"recording","version":"1"}\n',
        b'{"duologue":"recording","version":1,"side":"client"}\n',
    ],
)
def test_a_file_that_is_no_recording_is_rejected(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="is not a recording"):
        RecordingReader(path)


def test_a_newer_version_is_refused(path: Path) -> None:
    path.write_bytes(HEADER.replace(b'"version":1', b'"version":2'))
    with pytest.raises(RecordingError, match="version 2, and versions up to 1 are read"):
        RecordingReader(path)


def test_a_file_that_is_not_there_or_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere\.jsonl: No such file"):
        RecordingReader(tmp_path / "nowhere.jsonl")
    with pytest.raises(RecordingError, match="cannot write"):
        RecordingWriter(tmp_path / "no" / "folder.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_kept_as_the_failure_and_raises_nothing() -> None:
    with RecordingWriter("/dev/full") as writer:
        writer.write("sent", "a")
        writer.write("sent", "b")
    assert writer.frames == 0
    assert str(writer.failure) == "recording to /dev/full stopped: No space left on device"
