"""Files of frames as arguments of commands: what is in them, and what is told about them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from duologue.printable import printable
from duologue.recording.formats import FoundFrame, FrameFile

__all__ = ["FrameLine", "place_of", "read_frames", "show_notes"]

FrameLine = FoundFrame


def read_frames(file: Path) -> Iterator[FrameLine]:
    """What is found in a file, in order. A place without a frame has a `problem`, and reading goes on.

    Raises:
        OSError: the file cannot be opened.
        RecordingError: the file cannot be read, is no file of frames, or holds none.
    """
    with FrameFile(file) as frames:
        yield from frames


def place_of(file: FrameFile, number: int) -> str:
    """Where something is, for the beginning of a message."""
    return f"{file.name}:{number}" if file.format.numbers == "line" else f"{file.name}, message {number}"


def show_notes(file: FrameFile) -> None:
    """Print what there is to know about the reading of a file on standard error."""
    for note in file.notes:
        print(printable(f"duologue: {file.name}: {note}"), file=sys.stderr)
