"""Files of frames as arguments of commands: what is in them, and what is told about them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from duologue.codec.jsontext import parse_object
from duologue.codec.recognition import FamilyName, family_of
from duologue.errors import DecodeError, RecordingError
from duologue.printable import printable
from duologue.recording.formats import FoundFrame, FrameFile

__all__ = ["FrameLine", "family_shown", "first_frames", "place_of", "read_frames", "show_notes"]

FrameLine = FoundFrame

_FIRST_FRAMES: Final = 200
"""Of a file whose endpoint is not named: frames that are alike in all families may come first, such as audio."""


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


def first_frames(frames: Iterator[FrameLine]) -> tuple[list[FrameLine], RecordingError | None]:
    """The first frames of a file, and why it cannot be read on, if that is so."""
    first: list[FrameLine] = []
    try:
        first.extend(islice(frames, _FIRST_FRAMES))
    except RecordingError as fault:
        return first, fault
    return first, None


def family_shown(lines: Iterable[FrameLine]) -> FamilyName:
    """The family that the frames show."""
    frames: list[dict[str, Any]] = []
    for line in lines:
        with suppress(DecodeError):  # reported when the line is checked
            if not line.problem:
                frames.append(parse_object(line.text))
    return family_of(frames)
