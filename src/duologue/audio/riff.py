"""The chunks of a RIFF file, read in one pass and bounded memory, with the faults that real files have.

[RIFF](https://www.aelius.com/njh/wavemetatools/doc/riffmci.pdf) in both byte orders (RIFX is big-endian), and its
64-bit kinds RF64 and BW64 ([ITU-R BS.2088](https://www.itu.int/rec/R-REC-BS.2088)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from duologue.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPENING_BYTES", "ByteOrder", "Chunk", "RiffReader", "Stream", "is_wave"]

ByteOrder = Literal["little", "big"]

OPENING_BYTES: Final = 12
"""The form, a size, WAVE."""

_FORMS: Final[Mapping[bytes, ByteOrder]] = {b"RIFF": "little", b"RF64": "little", b"BW64": "little", b"RIFX": "big"}

_UNREAL: Final = 0x7FFF_0000
"""Sizes from here on are placeholders of programs that write to a pipe and cannot go back: 0x7FFFF000 (sox, espeak),
0x7FFFFFFF less the header, 0x80000000 (arecord), 0xFFFFFFFF (ffmpeg, mpg123). A file that is so long ends, too."""

_UNREAL_64: Final = 0x7FFF_0000_0000_0000
"""The same for the sizes of RF64."""

_IN_DS64: Final = 0xFFFF_FFFF
"""A 32-bit size that says: look into the chunk `ds64`."""

_DS64_BYTES: Final = 28
"""RIFF size, data size, samples, each of 8 bytes, and the number of further sizes."""

_BLOCK_BYTES: Final = 1 << 20

_MAX_STEPPED_OVER_BYTES: Final = 1 << 26
"""Of chunks that are not audio. Cover pictures are the largest, a few MiB; this many times that."""

_KNOWN: Final = frozenset(
    b"fmt |data|LIST|fact|bext|JUNK|junk|FLLR|PAD |cue |smpl|inst|plst|labl|note|ltxt|id3 |ID3 |iXML|axml|chna|PEAK|"
    b"cart|ds64|link|umid|mext|minf|elm1|regn|afsp|DISP|acid|strc|Fake|slnt|wavl|qlty|_PMX|aXML|ubxt|SAUR|LGWV|"
    b"LGDA|AFAn|C2PA".split(b"|")
)
"""Chunks that are seen in WAV files. Others are read as well: these tell a chunk from samples."""


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """As many bytes as that, fewer only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """The beginning of a chunk."""

    kind: str
    size: int | None
    """In bytes; None if the size is a placeholder: the chunk ends with the file."""


def is_wave(opening: bytes) -> bool:
    """Whether a file that begins with these twelve bytes is a WAV."""
    return opening[:4] in _FORMS and opening[8:12] == b"WAVE"


class RiffReader:
    """Iterates over the chunks. The rest of a chunk that was not read is stepped over.

    A chunk of odd length may lack its pad byte. What is no chunk ends the iteration: some programs fill files up.
    """

    def __init__(self, stream: Stream, opening: bytes, *, name: str) -> None:
        """`opening` has been read from the stream already; `name` is what errors call the file."""
        self.byte_order: ByteOrder = _FORMS[opening[:4]]
        self.name = name
        self._stream = stream
        self._ahead = b""
        self._chunk = Chunk("", 0)
        self._unread = 0
        """Bytes that the present chunk still promises; counts for nothing where it has no size."""
        self._stepped_over = 0
        self._sizes_64: dict[str, int] = {}

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            self._step_over()
            head = self._take(8)
            kind, size = str(head[:4], "latin-1"), int.from_bytes(head[4:], self.byte_order)
            if len(head) < 8 or not (kind.isascii() and kind.isprintable()):
                return
            self._chunk = Chunk(kind, self._real_size(kind, size))
            self._unread = size if self._chunk.size is None else self._chunk.size
            if kind == "ds64":
                self._read_ds64()
            else:
                yield self._chunk

    def read(self, size: int) -> bytes:
        """As many bytes of the present chunk as that, fewer only at its end.

        Raises:
            AudioError: the file ends before the chunk does, and the chunk's size is no placeholder.
        """
        if self._chunk.size is None:
            return self._take(size)
        data = self._take(min(size, self._unread))
        self._unread -= len(data)
        if len(data) < size and self._unread:
            there = self._chunk.size - self._unread
            raise AudioError(
                f"{self.name} is cut off: its {self._chunk.kind!r} part promises {self._chunk.size} bytes"
                f" and {there} are there"
            )
        return data

    def blocks(self) -> Iterator[bytes]:
        """The rest of the present chunk, in blocks. Raises as `read` does."""
        while block := self.read(_BLOCK_BYTES):
            yield block

    def _real_size(self, kind: str, size: int) -> int | None:
        if size == _IN_DS64 and kind in self._sizes_64:
            size, unreal = self._sizes_64[kind], _UNREAL_64
        else:
            unreal = _UNREAL
        if size == 0 and kind == "data":
            following = self._peek(8)
            return 0 if not following or following[:4] in _KNOWN else None
        return size if size < unreal else None

    def _read_ds64(self) -> None:
        body = self.read(_DS64_BYTES)
        if len(body) < _DS64_BYTES:
            return
        self._sizes_64["data"] = int.from_bytes(body[8:16], self.byte_order)
        for _ in range(min(int.from_bytes(body[24:28], self.byte_order), len(_KNOWN))):
            if len(entry := self.read(12)) < 12:
                break
            self._sizes_64.setdefault(str(entry[:4], "latin-1"), int.from_bytes(entry[4:12], self.byte_order))

    def _step_over(self) -> None:
        for block in self.blocks():
            self._stepped_over += len(block)
            if self._stepped_over > _MAX_STEPPED_OVER_BYTES:
                mib = _MAX_STEPPED_OVER_BYTES >> 20
                raise AudioError(f"{self.name} has more than {mib} MiB of other things in front of its audio")
        self._stepped_over += 8
        if (self._chunk.size or 0) % 2 and self._is_padded():
            self._take(1)

    def _is_padded(self) -> bool:
        """Whether a pad byte follows: unless a chunk begins just here."""
        ahead = self._peek(5)
        if ahead[:4] in _KNOWN:
            return False
        return ahead[:1] == b"\0" or ahead[1:5] in _KNOWN or not (ahead[:4].isalnum() and ahead[:4].isascii())

    def _peek(self, size: int) -> bytes:
        self._ahead += self._stream.read(size - len(self._ahead)) if size > len(self._ahead) else b""
        return self._ahead

    def _take(self, size: int) -> bytes:
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        return ahead + self._stream.read(size - len(ahead)) if len(ahead) < size else ahead
