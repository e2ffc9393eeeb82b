"""Files of frames, line by line."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from duologue.cli.frame_files import FrameLine, read_frames
from duologue.errors import RecordingError
from tests.cli.conftest import Command


def lines_of(path: Path, text: bytes) -> list[FrameLine]:
    path.write_bytes(text)
    return list(read_frames(path))


def test_empty_lines_count_and_hold_nothing(tmp_path: Path) -> None:
    read = lines_of(tmp_path / "f", b'\n{"type":"a"}\r\n  \n{"type":"b"}')
    assert read == [FrameLine(2, b'{"type":"a"}'), FrameLine(4, b'{"type":"b"}')]


def test_a_frame_with_a_field_named_frame_is_itself(tmp_path: Path) -> None:
    text = b'{"type":"a","frame":{"type":"b"}}'
    assert lines_of(tmp_path / "f", text) == [FrameLine(1, text)]


def test_a_frame_inside_an_object_comes_out_as_it_is(tmp_path: Path) -> None:
    frame = {"type": "a", "n": 10**30, "text": "\ud83d", "deep": [[[{}]]]}
    (line,) = lines_of(tmp_path / "f", json.dumps({"frame": frame}).encode())
    assert json.loads(line.text) == frame


@pytest.mark.parametrize("text", [b"", b"\n", b"\xef\xbb\xbf", b" \r\n\t"])
def test_a_file_without_frames_is_an_error_and_not_a_good_file(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(RecordingError, match="is empty: it holds no frames"):
        lines_of(tmp_path / "f", text)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[1]", b'{"type":', b"NaN", b"[" * 100_000])
def test_a_line_without_an_object_has_a_problem_and_the_next_line_is_read(tmp_path: Path, text: bytes) -> None:
    first, second = lines_of(tmp_path / "f", text + b'\n{"type":"a"}\n')
    assert (first.number, first.text, second) == (1, b"", FrameLine(2, b'{"type":"a"}'))
    assert first.problem.startswith("not a JSON object")


def test_a_header_of_another_version_is_no_recording_to_read(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="version 99"):
        lines_of(tmp_path / "f", b'{"duologue":"recording","version":99}\n')


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_frames_can_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b'{"type":"a"}\n{"type":"b"}\n'))
    writer.start()
    try:
        assert [line.number for line in read_frames(pipe)] == [1, 2]
    finally:
        writer.join(5)


def test_a_type_that_no_terminal_can_show_is_reported_all_the_same(tmp_path: Path, command: Command) -> None:
    file = tmp_path / "f"
    file.write_text('{"type":"\\ud83d\\u001b[2J"}\n', encoding="utf-8")
    assert "\x1b" not in command("check", file, code=1).out
    assert json.loads(command("check", file, "--json", code=1).out)["files"][0]["types"] == {"\ud83d\x1b[2J": 1}
    assert json.loads(command("convert", "--from", "openai", "--to", "openai", file).out) == {"type": "\ud83d\x1b[2J"}
