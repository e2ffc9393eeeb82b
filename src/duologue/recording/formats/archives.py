"""Packed files: gzip, and the ZIP archives that Playwright writes, unpacked within bounds."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from duologue.errors import RecordingError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["is_gzip", "is_zip", "unpacked_gzip", "unpacked_zip"]

_MAX_UNPACKED_BYTES = 1 << 30
"""A session of two hours with its audio both ways takes 900 MB as JSON; an archive made to fill memory takes more."""

_MAX_ZIP_BYTES = 1 << 28
"""An archive has its index at its end, and so is read as a whole."""

_MAX_MEMBERS: Final = 10_000
"""A trace has one file for each picture of the page: some thousands."""

_ENDINGS: Final = (".network", ".trace", ".har", ".jsonl", ".ndjson", ".json", ".log", ".txt")
"""Files of an archive that may hold frames. The first two belong together; of the others one is read."""

_TRACE_ENDINGS: Final = _ENDINGS[:2]


def is_gzip(head: bytes) -> bool:
    """Whether a file with this beginning is packed with gzip."""
    return head.startswith(b"\x1f\x8b")


def is_zip(head: bytes) -> bool:
    """Whether a file with this beginning is a ZIP archive."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def unpacked_gzip(stream: BinaryIO, name: str) -> BinaryIO:
    """What is packed. Reading it raises `RecordingError` for damage, and beyond 1 GiB."""
    packed = gzip.GzipFile(fileobj=stream, mode="rb")
    return _buffered(_Bounded(iter([cast("BinaryIO", packed)]), f"the gzip file {name}"))


def unpacked_zip(stream: BinaryIO, name: str) -> BinaryIO:
    """The files of a Playwright trace, one after another, or the one other file that may hold frames.

    Raises:
        RecordingError: the archive is damaged or too large, has no such file, or several.
    """
    data = stream.read(_MAX_ZIP_BYTES + 1)
    if len(data) > _MAX_ZIP_BYTES:
        raise RecordingError(f"{name} is a ZIP archive of more than {_MAX_ZIP_BYTES >> 20} MiB: unpack it first")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
        raise RecordingError(f"{name} is a damaged ZIP archive") from fault
    members = _members(archive, name)
    return _buffered(_Bounded((_member(archive, each, name) for each in members), f"the ZIP archive {name}"))


def _members(archive: zipfile.ZipFile, name: str) -> list[str]:
    names = archive.namelist()
    if len(names) > _MAX_MEMBERS:
        raise RecordingError(f"{name} is a ZIP archive of {len(names)} files: unpack it first")
    found = [each for each in sorted(names) if each.lower().endswith(_ENDINGS)]
    if traces := [each for each in found if each.lower().endswith(_TRACE_ENDINGS)]:
        return traces
    if len(found) != 1:
        what = f"{len(found)} files" if found else "no file"
        raise RecordingError(f"{name} is a ZIP archive with {what} that may hold frames: unpack it, and name one")
    return found


def _member(archive: zipfile.ZipFile, member: str, name: str) -> BinaryIO:
    try:
        return cast("BinaryIO", archive.open(member))
    except (zipfile.BadZipFile, OSError, ValueError) as fault:
        raise RecordingError(f"{name} is a damaged ZIP archive") from fault
    except (RuntimeError, NotImplementedError) as fault:  # it asks for a password, or is packed in a rare way
        raise RecordingError(f"{name} is a ZIP archive that cannot be unpacked here: {fault}") from fault


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(raw, 1 << 16))


class _Bounded(io.RawIOBase):
    """Streams, one after another, up to a limit."""

    def __init__(self, streams: Iterator[BinaryIO], what: str) -> None:
        self._streams = streams
        self._what = what
        self._stream: BinaryIO | None = None
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer)
        while True:
            if self._stream is None:
                self._stream = next(self._streams, None)
            if self._stream is None:
                return 0
            if data := self._read(self._stream.read, len(room)):
                break
            self._stream.close()
            self._stream = None
        self._count += len(data)
        if self._count > _MAX_UNPACKED_BYTES:
            gib = _MAX_UNPACKED_BYTES >> 30
            raise RecordingError(f"{self._what} unpacks to more than {gib} GiB, the most that is read")
        room[: len(data)] = data
        return len(data)

    def _read(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except EOFError as fault:
            raise RecordingError(f"{self._what} breaks off: it was not copied whole") from fault
        except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as fault:
            raise RecordingError(f"{self._what} is damaged") from fault
