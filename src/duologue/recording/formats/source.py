"""Opens files to read text from: files, pipes and standard input, packed or not, in UTF-8 or UTF-16, within bounds."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from duologue.audio.file_kinds import kind_of
from duologue.errors import RecordingError
from duologue.recording.formats.archives import is_gzip, is_zip, unpacked_gzip, unpacked_zip

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["STANDARD_INPUT", "Source", "name_of"]

STANDARD_INPUT: Final = "-"
"""As the name of a file."""

_HEAD_BYTES: Final = 1 << 18
"""What recognising a format may look at: a page of log lines before the first message is much less."""

_BLOCK_BYTES: Final = 1 << 16

_TEXT_ENCODINGS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks of what is not UTF-8. The longer ones come first: two of them begin with a shorter one."""


def name_of(path: str | os.PathLike[str]) -> str:
    """What messages call a file."""
    return "standard input" if os.fspath(path) == STANDARD_INPUT else os.fspath(path)


class Source:
    """A file of text, opened. A context manager.

    `stream` is read once, from the beginning, in UTF-8 and without a byte order mark. `head` is what it begins with: of
    a pipe that goes on slowly as much as there was, up to the first line that holds an object.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """`path` may be `STANDARD_INPUT`.

        Raises:
            OSError: the file cannot be opened.
            RecordingError: it cannot be read or unpacked, or is binary.
        """
        self.name: str = name_of(path)
        self._opened: list[BinaryIO] = []
        try:
            self._open(path)
        except BaseException:
            self.close()
            raise

    def _open(self, path: str | os.PathLike[str]) -> None:
        stream, head = self._peeked(_opened(path, self.name, self._opened))
        if is_zip(head):
            stream, head = self._peeked(unpacked_zip(stream, self.name))
        elif is_gzip(head):
            stream, head = self._peeked(unpacked_gzip(stream, self.name))
        if (encoding := _encoding(head)) is not None:
            transcoded = io.BufferedReader(_Transcoding(stream, encoding, self.name), _BLOCK_BYTES)
            stream, head = self._peeked(cast("BinaryIO", transcoded))
        if head.startswith(codecs.BOM_UTF8):
            stream.read(len(codecs.BOM_UTF8))
            head = head.removeprefix(codecs.BOM_UTF8)
        self.stream: BinaryIO = stream
        self.head = head
        if b"\0" in head:  # text has none
            raise self.unlike("a file of frames")

    def unlike(self, expected: str) -> RecordingError:
        """The error that says what the file is, and what it is not."""
        kind = kind_of(self.head)
        if not self.head.strip():
            return RecordingError(f"{self.name} is empty: it holds no frames")
        return RecordingError(
            f"{self.name} is not {expected}: it is {kind.words}" + (f"; {kind.remedy}" if kind.remedy else "")
        )

    def close(self) -> None:
        """Close the file; standard input stays open."""
        while self._opened:
            self._opened.pop().close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _peeked(self, stream: BinaryIO) -> tuple[BinaryIO, bytes]:
        """The stream, still at its beginning, and its head."""
        head = bytearray()
        while len(head) < _HEAD_BYTES and not _has_object(head):
            if not (block := _read_some(stream, self.name)):
                break
            head += block
            if b"\0" in block:
                break
        rejoined = cast("BinaryIO", io.BufferedReader(_Rejoined(bytes(head), stream, self.name), _BLOCK_BYTES))
        return rejoined, bytes(head)


def _has_object(head: bytearray) -> bool:
    """Whether there is a whole line that seems to end with an object: most formats are recognised then."""
    return any(b"{" in line and line.rstrip().endswith(b"}") for line in head.split(b"\n")[:-1])


def _opened(path: str | os.PathLike[str], name: str, opened: list[BinaryIO]) -> BinaryIO:
    if os.fspath(path) == STANDARD_INPUT:
        return sys.stdin.buffer
    try:
        file = open(path, "rb")  # noqa: SIM115  closed by Source.close()
    except ValueError as fault:  # a name that no file can have
        raise RecordingError(f"cannot read {name}: {fault}") from fault
    opened.append(file)
    return file


def _read_some(stream: BinaryIO, name: str, size: int = _BLOCK_BYTES) -> bytes:
    """What is there, up to a size; waits only if there is nothing."""
    try:
        read1: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        return read1(size)
    except OSError as fault:
        raise RecordingError(f"cannot read {name}: {fault.strerror or fault}") from fault


def _encoding(head: bytes) -> str | None:
    """The encoding of text that is not UTF-8: by its byte order mark, or by the NULs beside its first characters."""
    for bom, encoding in _TEXT_ENCODINGS:
        if head.startswith(bom) and (b"\0" in head[len(bom) :] or not head[len(bom) :]):
            return encoding
    start = head[:8]
    for encoding, zeros, letters in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if len(start) == 8 and not any(zeros) and all(9 <= letter < 127 for letter in letters):
            return encoding
    return None


class _Rejoined(io.RawIOBase):
    """What was looked at already, then the rest."""

    def __init__(self, head: bytes, rest: BinaryIO, name: str) -> None:
        self._head = memoryview(head)
        self._rest = rest
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer)
        data: bytes | memoryview = self._head[: len(room)]
        self._head = self._head[len(room) :]
        if not data:
            data = _read_some(self._rest, self._name, len(room))
        room[: len(data)] = data
        return len(data)


class _Transcoding(io.RawIOBase):
    """Text in another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str, name: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._encoding = encoding
        self._name = name
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer)
        while not self._ready:
            block = _read_some(self._stream, self._name)
            try:
                text = self._decoder.decode(block, final=not block)
            except UnicodeDecodeError as fault:
                raise RecordingError(f"{self._name} is text in {self._encoding.upper()}, and is damaged") from fault
            self._ready = text.encode("utf-8", "surrogatepass")
            if not block:
                break
        data, self._ready = self._ready[: len(room)], self._ready[len(room) :]
        room[: len(data)] = data
        return len(data)
