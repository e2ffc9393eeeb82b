"""A recording: a text file of JSON lines. After a crash it is valid up to its last whole line.

    {"duologue":"recording","version":1,"started_at":"2026-03-01T12:00:00.000+00:00","side":"client"}
    {"at_s":0.004113,"direction":"received","text":"{\\"type\\":\\"session.created\\",…}"}
    {"at_s":0.051240,"direction":"sent","text":"{\\"type\\":\\"session.update\\",…}"}
    {"at_s":0.060001,"direction":"received","binary":"AAEC"}

The first line is the header. Each other line is a message: seconds since the start on a monotonic clock, the direction
as seen by `side`, and the exact text, or base64 of a binary message. Readers ignore fields that they do not know.
Handshakes are not recorded, so keys are not either.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import FileIO
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import msgspec

from duologue.audio.files import create_file
from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError, RecordingError

__all__ = ["VERSION", "Direction", "Frame", "Header", "RecordingReader", "RecordingWriter", "Side"]

VERSION: Final = 1
"""Raised when older readers would misunderstand newer files; a new field is no reason."""

Side: TypeAlias = Literal["client", "server"]
Direction: TypeAlias = Literal["sent", "received"]

_KIND: Final = "recording"

_MAX_LINE_BYTES = 1 << 26
"""The largest message of the protocol has 16 MiB; with all its quotes escaped twice that. It is more than any line."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    version: int = VERSION
    started_at: str
    """Local time of the start, ISO 8601 with its offset."""
    side: Side


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One WebSocket message: `str` was a text message, `bytes` a binary one."""

    at_s: float
    direction: Direction
    message: str | bytes


class _Line(msgspec.Struct, kw_only=True):
    at_s: float
    direction: Direction
    text: str | None = None
    binary: str | None = None


class RecordingWriter:
    """Writes a recording, each line as it happens. A context manager.

    When `write` returns, the operating system has the line. When writing fails, for example because the disk is full,
    the session goes on: the first failure is kept in `failure`, and nothing more is written. `write` blocks only while
    the line is copied into the page cache.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        side: Side = "client",
        clock: Callable[[], float] = time.monotonic,
        replace: bool = True,
    ) -> None:
        """Create the file, readable by its owner only. An existing file is replaced, unless `replace` is False.

        Raises `RecordingError` when the file cannot be created: symbolic links are not followed.
        """
        self.path = os.fspath(path)
        self.failure: RecordingError | None = None
        """Why the recording is incomplete; None while it is complete."""
        self.frames = 0
        """How many frames were written."""
        self._clock = clock
        self._started_s = clock()
        try:
            # Unbuffered: what was written survives a crash, and a failed write leaves no data that would fail again.
            self._file: FileIO = create_file(path, replace=replace)
        except OSError as fault:
            raise RecordingError(f"cannot write {self.path}: {fault.strerror or fault}") from fault
        header = Header(started_at=datetime.now(UTC).astimezone().isoformat(timespec="milliseconds"), side=side)
        self._put({"duologue": _KIND, **msgspec.structs.asdict(header)})

    def write(self, direction: Direction, message: str | bytes) -> None:
        """Add a message that just passed. Does nothing once writing has failed or the file is closed."""
        at_s = round(self._clock() - self._started_s, 6)
        content = {"text": message} if isinstance(message, str) else {"binary": base64.b64encode(message).decode()}
        if self._put({"at_s": at_s, "direction": direction, **content}):
            self.frames += 1

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        self._file.close()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _put(self, line: dict[str, Any]) -> bool:
        if self.failure is not None or self._file.closed:
            return False
        rest = memoryview(write_text(line) + b"\n")
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as fault:
            self.failure = RecordingError(f"recording to {self.path} stopped: {fault.strerror or fault}")
            self.failure.__cause__ = fault
            return False
        return True


class RecordingReader:
    """Reads a recording once, from its first frame to its last: an iterator of frames and a context manager.

    An incomplete last line, as a crash leaves it, ends the recording; then `cut_off` is True.
    """

    def __init__(self, path: str | os.PathLike[str], *, stream: BinaryIO | None = None) -> None:
        """Raises `RecordingError` when the file cannot be read, is not a recording, or has a newer version.

        With `stream` that is read, such as `sys.stdin.buffer`, and `path` is what errors call it.
        """
        self.path = os.fspath(path)
        self.cut_off = False
        self._line_number = 1
        try:
            self._file: BinaryIO = open(path, "rb") if stream is None else stream  # noqa: SIM115  closed by close()
        except OSError as fault:
            raise RecordingError(f"cannot read {self.path}: {fault.strerror or fault}") from fault
        except ValueError as fault:  # a name that no file can have
            raise RecordingError(f"cannot read {self.path}: {fault}") from fault
        try:
            self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """The next frame. Raises `RecordingError`, naming file and line, for a damaged line."""
        line = self._read_line()
        if not line:
            raise StopIteration
        self._line_number += 1
        if not line.endswith(b"\n"):
            try:
                return self._frame(line)
            except RecordingError:
                self.cut_off = True
                raise StopIteration from None
        return self._frame(line)

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        self._file.close()

    def __enter__(self) -> RecordingReader:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

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
        if line.get("duologue") != _KIND or not isinstance(version, int):
            raise RecordingError(f"{not_one}: its first line is no header")
        if version > VERSION:
            raise RecordingError(
                f"{self.path} is a recording of version {version}, and versions up to {VERSION} are read"
            )
        try:
            return msgspec.convert(line, Header)
        except msgspec.ValidationError as fault:
            raise RecordingError(f"{not_one}: {fault} in line 1") from fault

    def _frame(self, line: bytes) -> Frame:
        where = f"{self.path}, line {self._line_number}"
        try:
            read = msgspec.convert(parse_object(line), _Line)
            if read.text is not None:
                message: str | bytes = read.text
            elif read.binary is not None:
                message = base64.b64decode(read.binary, validate=True)
            else:
                raise RecordingError(f"{where}: neither text nor binary")
        except (DecodeError, msgspec.ValidationError) as fault:
            raise RecordingError(f"{where}: {fault}") from fault
        except ValueError as fault:
            raise RecordingError(f"{where}: binary is not base64") from fault
        return Frame(at_s=read.at_s, direction=read.direction, message=message)
