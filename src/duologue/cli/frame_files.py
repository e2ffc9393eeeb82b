"""Files of frames: recordings, JSON lines of bare frames, and JSON lines of objects that hold one under `frame`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError, RecordingError
from duologue.recording import RecordingReader

__all__ = ["Line", "read_frames"]


class Line(NamedTuple):
    """A line that holds a frame, or should."""

    number: int
    text: str | bytes
    """The frame as JSON text; empty if the line holds none."""
    problem: str = ""
    """Why it holds none."""


def read_frames(file: Path) -> Iterator[Line]:
    """The frames of a file, in order. A line that holds none says why, and the next one is read all the same.

    Raises:
        OSError: the file cannot be read.
        RecordingError: it is a recording that this version cannot read.
    """
    with file.open("rb") as lines:
        first = lines.readline()
        if _is_header(first):
            yield from _recorded(file)
            return
        # The first line once more, and not from the start: the file may be a pipe.
        for number, text in enumerate(chain([first], lines), start=1):
            if text.strip():
                yield _line(number, text)


def _is_header(line: bytes) -> bool:
    try:
        return parse_object(line).get("duologue") == "recording"
    except DecodeError:
        return False


def _line(number: int, text: bytes) -> Line:
    try:
        content = parse_object(text)
    except DecodeError as fault:
        return Line(number, b"", str(fault))
    frame = content.get("frame")
    if "type" in content or frame is None:
        return Line(number, text.rstrip())
    if isinstance(frame, dict):
        return Line(number, write_text(frame))
    if isinstance(frame, str):
        return Line(number, frame)
    return Line(number, b"", "`frame` is neither an object nor a text")


def _recorded(file: Path) -> Iterator[Line]:
    number = 1
    with RecordingReader(file) as recording:
        while True:
            number += 1
            try:
                frame = next(recording)
            except StopIteration:
                break
            except RecordingError as fault:
                if isinstance(fault.__cause__, OSError):
                    raise
                yield Line(number, b"", str(fault).partition(": ")[2])
                continue
            if isinstance(frame.message, bytes):
                yield Line(number, b"", f"a binary message of {len(frame.message)} bytes, and frames are text")
            else:
                yield Line(number, frame.message)
        if recording.cut_off:
            yield Line(number, b"", "the file ends in the middle of this line, as a crash leaves it")
