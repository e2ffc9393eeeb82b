"""Opening files to read text from."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from duologue.errors import RecordingError
from duologue.recording.formats.source import STANDARD_INPUT, Source, name_of


def read(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    with Source(path) as source:
        text = source.stream.read()
        assert text.startswith(source.head)
        return text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ['{"type":"a"}\n', '{"type":"' + "é😀" * 100_000 + '"}'], ids=["short", "long"])
def test_text_comes_in_utf_8_without_a_mark(tmp_path: Path, encoding: str, text: str) -> None:
    assert read(tmp_path / "x", text.encode(encoding)) == text.encode()


def test_utf_16_that_is_cut_in_a_character_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="x is text in UTF-16, and is damaged"):
        read(tmp_path / "x", '{"type":"a"}'.encode("utf-16")[:-1])


def test_two_bytes_like_a_mark_do_not_make_utf_16(tmp_path: Path) -> None:
    assert read(tmp_path / "x", b'\xff\xfe\n{"type":"a"}\n') == b'\xff\xfe\n{"type":"a"}\n'


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = Stdin(b'{"type":"a"}')
    monkeypatch.setattr(sys, "stdin", stdin)
    with Source(STANDARD_INPUT) as source:
        assert (source.name, source.stream.read()) == ("standard input", b'{"type":"a"}')
    assert not stdin.buffer.closed
    assert name_of("a/b") == "a/b"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_of_a_pipe_that_goes_on_the_first_line_is_enough(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)  # both ends are held open here: what would read on would wait for ever
    try:
        os.write(held, b'Connected\n< {"type":"a"}\n')
        with Source(pipe) as source:
            assert source.stream.readline() == b"Connected\n"
            assert source.stream.readline() == b'< {"type":"a"}\n'
            for number in range(8):  # each can be read before the next one is written
                line = b'< {"type":"%d%s"}\n' % (number, b"x" * 30_000)
                os.write(held, line)
                assert source.stream.readline() == line
    finally:
        os.close(held)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device here")
def test_of_binary_data_without_an_end_only_the_beginning_is_read() -> None:
    with pytest.raises(RecordingError, match="/dev/zero is not a file of frames: it is binary data"):
        Source("/dev/zero")


def test_of_a_huge_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(RecordingError, match="it is binary data"):
        Source(sparse)


@pytest.mark.parametrize("name", ["a\0b", "missing", "."])
def test_a_file_that_cannot_be_opened_is_an_error_of_the_system_or_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises((OSError, RecordingError)):
        Source(tmp_path / name)


def test_a_failure_while_reading_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object, /) -> int:
            raise OSError(5, "Input/output error")

    stdin = Stdin(b"")
    monkeypatch.setattr(stdin, "buffer", io.BufferedReader(Failing()))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(RecordingError, match="cannot read standard input: Input/output error"):
        Source(STANDARD_INPUT)


def test_the_file_is_closed_when_it_is_refused(tmp_path: Path) -> None:
    # A warning about a file that was not closed is an error in these tests.
    (tmp_path / "x").write_bytes(b"\0")
    for _ in range(3):
        with pytest.raises(RecordingError):
            Source(tmp_path / "x")
