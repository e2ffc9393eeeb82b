"""The table of the formats, and the file that is read by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError, RecordingError
from duologue.recording.formats.devtools import is_protocol_log, is_trace, read_trace
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.har import is_har, read_har
from duologue.recording.formats.objects import ObjectTooLong
from duologue.recording.formats.source import Source
from duologue.recording.formats.text import (
    is_array,
    is_json_texts,
    is_log,
    read_array,
    read_json_texts,
    read_log,
)
from duologue.recording.reader import RecordingReader

__all__ = ["FORMATS", "FrameFile", "FrameFormat"]


class FrameFormat(NamedTuple):
    """A format of files that hold frames."""

    name: str
    """As messages say it, with an article."""
    numbers: str
    """What `FoundFrame.number` counts: lines or messages."""
    recognise: Callable[[bytes], bool]
    """By the beginning of the file."""
    read: Callable[[FrameFile], Iterator[FoundFrame]]


class FrameFile:
    """A file of frames in any of the formats: an iterator of what is found in it, once, and a context manager.

    Its path may be "-" for standard input. Packed files (gzip, ZIP) are unpacked, up to 1 GiB.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Recognise the format.

        Raises:
            OSError: the file cannot be opened.
            RecordingError: it cannot be read, or is of no such format; says what it is.
        """
        self.source: Source = Source(path)
        self.name: str = self.source.name
        self.notes: list[str] = []
        """What to know about the reading, in sentences; complete at the end."""
        self.recording: RecordingReader | None = None
        """The reader, where the file is a recording of duologue."""
        try:
            self.format: FrameFormat = self._recognised()
            if self.format.recognise is _is_recording:
                self.recording = RecordingReader(self.name, stream=self.source.stream)
        except BaseException:
            self.close()
            raise
        self._frames = self._counted()

    def __iter__(self) -> Iterator[FoundFrame]:
        return self

    def __next__(self) -> FoundFrame:
        """The next frame, or a place where one should be.

        Raises:
            RecordingError: the file cannot be read on, or has ended and held no frame.
        """
        try:
            return next(self._frames)
        except OSError as fault:
            raise RecordingError(f"cannot read {self.name}: {fault.strerror or fault}") from fault
        except ObjectTooLong as fault:
            raise RecordingError(f"{self.name}, {fault}") from fault

    def close(self) -> None:
        """Close the file; standard input stays open. Closing twice is fine."""
        self.source.close()

    def __enter__(self) -> FrameFile:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _recognised(self) -> FrameFormat:
        head = self.source.head
        found = next((each for each in FORMATS if each.recognise(head)), None)
        if found is None:
            raise self.source.unlike("a file of frames")
        return found

    def _counted(self) -> Iterator[FoundFrame]:
        found = False
        for frame in self.format.read(self):
            found = True
            yield frame
        if not found:
            raise RecordingError(f"{self.name} holds no frames: it is {self.format.name} without any")


def _is_recording(head: bytes) -> bool:
    try:
        return parse_object(head.partition(b"\n")[0]).get("duologue") == "recording"
    except DecodeError:
        return False


def _read_recording(file: FrameFile) -> Iterator[FoundFrame]:
    recording = file.recording
    assert recording is not None
    while True:
        try:
            frame = next(recording)
        except StopIteration:
            break
        except RecordingError as fault:
            if isinstance(fault.__cause__, OSError):
                raise
            yield FoundFrame(recording.line_number, b"", str(fault).partition(": ")[2])
            continue
        problem = ""
        if isinstance(frame.message, bytes):
            problem = f"a binary message of {len(frame.message)} bytes, and frames are text"
        yield FoundFrame(recording.line_number, frame.message, problem, frame.direction, frame.at_s)
    if recording.cut_off:
        yield FoundFrame(recording.line_number, b"", "the file ends in the middle of this line, as a crash leaves it")
    if recording.unknown:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in recording.unknown.items())
        file.notes.append(f"lines of kinds that this version does not know were passed over: {kinds}")


def _read_log(file: FrameFile) -> Iterator[FoundFrame]:
    return _read_text(file, read_log, "line")


def _read_har(file: FrameFile) -> Iterator[FoundFrame]:
    return read_har(file.source.stream, file.name, file.notes)


def _read_trace(file: FrameFile) -> Iterator[FoundFrame]:
    return read_trace(file.source.stream, file.name)


def _read_array(file: FrameFile) -> Iterator[FoundFrame]:
    return _read_text(file, read_array, "object")


def _read_json_texts(file: FrameFile) -> Iterator[FoundFrame]:
    return _read_text(file, read_json_texts, "object")


def _read_text(
    file: FrameFile, read: Callable[[BinaryIO, list[int]], Iterator[FoundFrame]], thing: str
) -> Iterator[FoundFrame]:
    """Notes how many things held no frame."""
    passed_over = [0]
    yield from read(file.source.stream, passed_over)
    if passed_over[0]:
        what = f"1 {thing} holds" if passed_over[0] == 1 else f"{passed_over[0]} {thing}s hold"
        file.notes.append(f"{what} no frame")


FORMATS: Final = (
    FrameFormat("a recording of duologue", "line", _is_recording, _read_recording),
    FrameFormat("a HAR file", "message", is_har, _read_har),
    FrameFormat("a Playwright trace", "line", is_trace, _read_trace),
    FrameFormat("a log of the DevTools protocol", "line", is_protocol_log, _read_log),
    FrameFormat("a JSON array", "message", is_array, _read_array),
    FrameFormat("a log", "line", is_log, _read_log),
    FrameFormat("JSON lines", "line", is_json_texts, _read_json_texts),
)
"""Asked in this order: each later one recognises less."""
