"""A file of frames that says when each passed, as a recording: a HAR of a browser, for example."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError, RecordingError
from duologue.recording.formats.directions import direction_of_type
from duologue.recording.formats.formats import FrameFile
from duologue.recording.formats.found import FoundFrame
from duologue.recording.lines import LATEST_S, Direction, Frame, Header, RecordingLine, UnknownLine

__all__ = ["FoundRecording"]

_DATES_S: Final = (1e9, 1e10)
"""Times between them are dates, since 2001; others count from some moment."""


class FoundRecording:
    """The frames of a file as lines of a client's recording, once. What it says of itself is what `Header` has.

    A place where a frame should be, and none is, becomes an `UnknownLine` that says why.
    """

    def __init__(self, frames: FrameFile) -> None:
        """Raises RecordingError for a file that cannot be read, or that does not say when each frame passed."""
        self._frames = frames
        self._first = next(frames, None)
        start_s = self._first.at_s if self._first is not None else None
        if start_s is None:
            raise RecordingError(f"{frames.name} is {frames.format.name} that does not say when each message passed")
        self._start_s = start_s
        is_date = _DATES_S[0] < start_s < _DATES_S[1]
        date = datetime.fromtimestamp(start_s, UTC).isoformat(timespec="milliseconds") if is_date else ""
        self.header: Header = Header(started_at=date, side="client")
        self.cut_off = False

    def lines(self) -> Iterator[RecordingLine]:
        """All of them. Raises RecordingError where the file cannot be read on."""
        at_s = 0.0
        for found in chain((self._first,), self._frames):
            if found is None:
                continue
            if found.at_s is not None:
                at_s = min(max(at_s, found.at_s - self._start_s), LATEST_S)
            yield _line(found, at_s)


def _line(found: FoundFrame, at_s: float) -> RecordingLine:
    if found.problem:
        return UnknownLine(fields={"at_s": at_s, "no frame": found.problem})
    return Frame(at_s=round(at_s, 6), direction=found.direction or _direction_of(found.text), message=found.text)


def _direction_of(text: str | bytes) -> Direction:
    try:
        name = parse_object(text).get("type")
    except DecodeError:
        name = None
    return direction_of_type(name if isinstance(name, str) else None)
