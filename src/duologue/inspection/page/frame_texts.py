"""The frames of a call as a page holds them: packed by the thousand, so that a browser unpacks what is looked at."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any, Final

from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError
from duologue.inspection.page.redaction import Redaction
from duologue.inspection.reading import ReadEvent
from duologue.recording import Frame, RecordingLine
from duologue.recording.lines import line_to_json
from duologue.recording.secrets import scrubbed, scrubbed_json

__all__ = ["FrameChunks", "packed", "shown_line"]

_CHUNK_FRAMES: Final = 2000
_CHUNK_BYTES: Final = 1 << 20
"""Of one chunk before it is packed: a browser unpacks a megabyte within a frame of its display."""

_GZIP: Final = 31
"""zlib's name for the container of gzip, which `DecompressionStream` reads."""


class FrameChunks:
    """Packs frames; gives each whole chunk to `write`, as an id and text in base64. `table` is what a page is told."""

    def __init__(self, write: Callable[[str, bytes], None]) -> None:
        self.table: list[dict[str, Any]] = []
        self._write = write
        self._first = self._next = 0
        self._size_bytes = 0
        self._packer = zlib.compressobj(6, wbits=_GZIP)
        self._packed: list[bytes] = []

    def push(self, shown: bytes) -> None:
        """The next frame, as JSON on one line."""
        self._packed.append(self._packer.compress(shown + b"\n"))
        self._next += 1
        self._size_bytes += len(shown)
        if self._next - self._first >= _CHUNK_FRAMES or self._size_bytes >= _CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        if self._next == self._first:
            return
        name = f"frames-{len(self.table)}"
        self._write(name, base64.b64encode(b"".join((*self._packed, self._packer.flush()))))
        self.table.append({"id": name, "first": self._first, "count": self._next - self._first})
        self._first, self._size_bytes = self._next, 0
        self._packer = zlib.compressobj(6, wbits=_GZIP)
        self._packed = []


def packed(content: bytes) -> bytes:
    """The same in gzip and base64."""
    packer = zlib.compressobj(9, wbits=_GZIP)
    return base64.b64encode(packer.compress(content) + packer.flush())


def shown_line(
    line: RecordingLine, content: dict[str, Any] | None, redaction: Redaction, read: ReadEvent | None
) -> bytes:
    """A line as a page shows it, as JSON on one line: without secrets, and with lengths in place of audio.

    `content` is the object of a frame that is one, and `read` what it says.
    """
    if not isinstance(line, Frame):
        return write_text(redaction.frame(scrubbed_json(line_to_json(line)), None))
    clean = scrubbed(line.message)
    if clean is not line.message or content is None:
        content = _parsed(clean)
    if content is None:
        text = clean if isinstance(clean, str) else clean.decode("utf-8", "replace")
        return write_text(redaction.frame({"text": text}, None))
    sound = read.sound if read is not None else None
    return write_text(redaction.frame(content, sound.encoding.bytes_per_s if sound is not None else None))


def _parsed(message: str | bytes) -> dict[str, Any] | None:
    try:
        return parse_object(message)
    except DecodeError:
        return None
