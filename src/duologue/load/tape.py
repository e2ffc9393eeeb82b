"""Keeps what passes in some of the calls of a level, and makes recordings of those that are looked at."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from duologue.recording import ClosedBy, ClosedLine, Direction, Frame, RecordingWriter, SessionFamily

__all__ = ["LevelTape", "TapedCall"]

_HEAD: Final = struct.Struct("<IdBI")
"""Call, time, what it is, size in bytes."""

_SENT, _RECEIVED, _CLOSED = 0, 1, 2

_MASK_BYTES: Final = 4


class TapedCall:
    """Keeps one call."""

    def __init__(self, tape: LevelTape, number: int) -> None:
        self._tape = tape
        self.number = number

    def sent(self, frame: bytes, now: float) -> None:
        """A frame of `client_frame` was sent."""
        length = frame[1] & 0x7F
        head = 2 + (0 if length < 126 else 2 if length == 126 else 8) + _MASK_BYTES
        self._tape.write(self.number, now, _SENT, frame[head:])

    def received(self, message: bytes, now: float) -> None:
        """A message was received."""
        self._tape.write(self.number, now, _RECEIVED, message)

    def ended(self, code: int, now: float, *, by_client: bool) -> None:
        """The connection is over."""
        self._tape.write(self.number, now, _CLOSED, struct.pack("<HB", code, by_client))


class _Entry(Struct):
    call: int
    at: float
    kind: int
    content: bytes


class LevelTape:
    """One file for all calls of a level that are kept. Its opener closes it."""

    def __init__(self, file: BinaryIO, *, most: int, url: str, model: str | None, family: SessionFamily) -> None:
        """`most` is how many calls are kept, the first ones: a minute of one has 6 MB."""
        self._file = file
        self._left = most
        self.failure: OSError | None = None
        """Why not all is kept."""
        self._url = url
        self._model = model
        self._family: SessionFamily = family

    def call(self, number: int) -> TapedCall | None:
        """A tape for the call with this number; None if enough are kept."""
        self._left -= 1
        return TapedCall(self, number) if self._left >= 0 else None

    def write(self, call: int, at: float, kind: int, content: bytes) -> None:
        """Keep something, unless the disk is full: then what is kept ends there."""
        if self.failure is None:
            try:
                self._file.write(_HEAD.pack(call, at, kind, len(content)) + content)
            except OSError as fault:
                self.failure = fault

    def record(self, call: int, path: Path) -> None:
        """Write the recording of a call.

        Raises:
            OSError: the tape cannot be read.
            RecordingError: the file cannot be written.
        """
        began: float | None = None
        with RecordingWriter(path, url=self._url, model=self._model, family=self._family) as writer:
            for entry in self._entries():
                if entry.call != call:
                    continue
                began = entry.at if began is None else began
                at_s = round(entry.at - began, 6)
                if entry.kind == _CLOSED:
                    code, by_client = struct.unpack("<HB", entry.content)
                    by: ClosedBy = "client" if by_client else "network" if code == 1006 else "server"
                    writer.write_line(ClosedLine(at_s=at_s, code=code, by=by))
                else:
                    direction: Direction = "sent" if entry.kind == _SENT else "received"
                    writer.write_line(Frame(at_s=at_s, direction=direction, message=_text(entry.content)))

    def _entries(self) -> Iterator[_Entry]:
        self._file.seek(0)
        while len(head := self._file.read(_HEAD.size)) == _HEAD.size:
            call, at, kind, size = _HEAD.unpack(head)
            yield _Entry(call, at, kind, self._file.read(size))


def _text(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
