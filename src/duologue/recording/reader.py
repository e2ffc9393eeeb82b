"""Reads recordings. After a crash a recording is valid up to its last whole line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError, RecordingError
from duologue.recording.lines import (
    KIND,
    VERSION,
    Frame,
    Header,
    NoteLine,
    RecordingLine,
    UnknownLine,
    UnknownNote,
    line_from,
)

__all__ = ["RecordingReader"]

_MAX_LINE_BYTES: Final = 1 << 26
"""The largest message of the protocol has 16 MiB; with all its quotes escaped twice that. It is more than any line."""

_MAX_KINDS: Final = 32
"""Of unknown lines that are counted apart: a damaged file may have any number of them."""

_MAX_KIND_CHARACTERS: Final = 40


class RecordingReader:
    """Reads a recording once, from its first line to its last: an iterator of frames and a context manager.

    `lines` has the other lines too. An incomplete last line, as a crash leaves it, ends the recording; then `cut_off`
    is True. Recordings of version 1 have frames only.
    """

    def __init__(self, path: str | os.PathLike[str], *, stream: BinaryIO | None = None) -> None:
        """Raises `RecordingError` when the file cannot be read, is not a recording, or has a newer version.

        With `stream` that is read, such as `sys.stdin.buffer`, and `path` is what errors call it.
        """
        self.path: str = os.fspath(path)
        self.cut_off: bool = False
        self.line_number: int = 1
        """Of the line that was read last."""
        self.unknown: Counter[str] = Counter()
        """Lines and notes of kinds that this version does not know, so far; they are in `lines`."""
        try:
            self._file: BinaryIO = open(path, "rb") if stream is None else stream  # noqa: SIM115  closed by close()
        except OSError as fault:
            raise RecordingError(f"cannot read {self.path}: {fault.strerror or fault}") from fault
        except ValueError as fault:  # a name that no file can have
            raise RecordingError(f"cannot read {self.path}: {fault}") from fault
        try:
            self.header: Header = self._read_header()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """The next frame. Raises `RecordingError`, naming file and line, for a damaged line."""
        while not isinstance(line := self._next_line(), Frame):
            pass
        return line

    def lines(self) -> Iterator[RecordingLine]:
        """All lines behind the header, from where reading is. Raises as the iteration over frames does."""
        while True:
            try:
                line = self._next_line()
            except StopIteration:
                return
            yield line

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        self._file.close()

    def __enter__(self) -> RecordingReader:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _next_line(self) -> RecordingLine:
        text = self._read_line()
        if not text:
            raise StopIteration
        self.line_number += 1
        try:
            line = self._parsed(text)
        except RecordingError:
            if text.endswith(b"\n"):
                raise
            self.cut_off = True
            raise StopIteration from None
        self._count_unknown(line)
        return line

    def _read_line(self) -> bytes:
        try:
            line = self._file.readline(_MAX_LINE_BYTES + 1)
        except OSError as fault:
            raise RecordingError(f"cannot read {self.path}: {fault.strerror or fault}") from fault
        if len(line) > _MAX_LINE_BYTES:
            raise RecordingError(
                f"{self.path} is not a recording: it has a line of more than {_MAX_LINE_BYTES >> 20} MiB"
            )
        return line

    def _read_header(self) -> Header:
        not_one = f"{self.path} is not a recording"
        try:
            line = parse_object(self._read_line())
        except DecodeError as fault:
            raise RecordingError(f"{not_one}: its first line is no header") from fault
        version = line.get("version")
        if line.get("duologue") != KIND or not isinstance(version, int):
            raise RecordingError(f"{not_one}: its first line is no header")
        if version > VERSION:
            raise RecordingError(
                f"{self.path} is a recording of version {version}, and versions up to {VERSION} are read"
            )
        try:
            return msgspec.convert(line, Header)
        except msgspec.ValidationError as fault:
            raise RecordingError(f"{not_one}: {fault} in line 1") from fault

    def _parsed(self, text: bytes) -> RecordingLine:
        try:
            line = line_from(parse_object(text))
            if isinstance(line, UnknownLine) and self.header.version == 1:
                raise ValueError("no message, and nothing else")
        except ValueError as fault:  # DecodeError and ValidationError are kinds of it
            raise RecordingError(f"{self.path}, line {self.line_number}: {fault}") from fault
        return line

    def _count_unknown(self, line: RecordingLine) -> None:
        match line:
            case UnknownLine(fields=fields):
                kind = next(name for name in fields if name not in ("at_s", "connection"))
            case NoteLine(note=UnknownNote(fields=fields)):
                kind = f"note {fields.get('kind')}"
            case _:
                return
        kind = kind[:_MAX_KIND_CHARACTERS]
        if kind in self.unknown or len(self.unknown) < _MAX_KINDS:
            self.unknown[kind] += 1
