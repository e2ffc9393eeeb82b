"""Reads files of frames: recordings, JSON lines of bare frames, and JSON lines of objects with a key `frame`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError, RecordingError
from duologue.recording import RecordingReader

__all__ = ["FrameLine", "read_frames"]


class FrameLine(NamedTuple):
    """A line of a file, with its frame."""

    number: int
    text: str | bytes
    """The frame as JSON text; empty if the line has none."""
    problem: str = ""
    """Why the line has no frame."""


def read_frames(file: Path) -> Iterator[FrameLine]:
    """The lines of a file, in order. A line without a frame has a `problem`, and reading goes on.

    Raises:
        OSError: the file cannot be read.
        RecordingError: it is a recording that this version cannot read.
    """
    with file.open("rb") as lines:
        first = lines.readline()
        if _is_header(first):
            yield from _recorded(file)
            return
        # The file may be a pipe: no seek to its start.
        for number, text in enumerate(chain([first], lines), start=1):
            if text.strip():
                yield _line(number, text)


def _is_header(line: bytes) -> bool:
    try:
        return parse_object(line).get("duologue") == "recording"
    except DecodeError:
        return False


def _line(number: int, text: bytes) -> FrameLine:
    try:
        content = parse_object(text)
    except DecodeError as fault:
        return FrameLine(number, b"", str(fault))
    frame = content.get("frame")
    if "type" in content or frame is None:
        return FrameLine(number, text.rstrip())
    if isinstance(frame, dict):
        return FrameLine(number, write_text(frame))
    if isinstance(frame, str):
        return FrameLine(number, frame)
    return FrameLine(number, b"", "`frame` is neither an object nor a text")


def _recorded(file: Path) -> Iterator[FrameLine]:
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
                yield FrameLine(number, b"", str(fault).partition(": ")[2])
                continue
            if isinstance(frame.message, bytes):
                yield FrameLine(number, b"", f"a binary message of {len(frame.message)} bytes, and frames are text")
            else:
                yield FrameLine(number, frame.message)
        if recording.cut_off:
            yield FrameLine(number, b"", "the file ends in the middle of this line, as a crash leaves it")
