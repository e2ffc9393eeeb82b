"""The samples of a call, read again from its lines when they are listened to: they are not kept twice."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from duologue.audio.formats import Encoding
from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError
from duologue.inspection.reading import FrameSound
from duologue.recording import Frame
from duologue.server.inspector.kept_lines import KeptLines

__all__ = ["KeptSounds"]


class KeptSounds:
    """A `SoundStore` of one side. Before a line is folded, `at` says which it is, and then `was` how it is encoded."""

    def __init__(self, lines: KeptLines) -> None:
        self._lines = lines
        self._number = 0
        self._end = 0
        self._places = array("Q")
        self._numbers = array("I")
        self._encodings: list[tuple[int, Encoding]] = []
        """From which index of these on sound is encoded so."""
        self._told = 0
        """Of how many of these the encoding is known."""

    @property
    def encoding(self) -> Encoding | None:
        """Of the last piece; None before the first."""
        return self._encodings[-1][1] if self._encodings else None

    def at(self, number: int) -> None:
        """This line is folded next."""
        self._number = number

    def was(self, encoding: Encoding) -> None:
        """The line was sound of this encoding."""
        if self._told < len(self._places) and self.encoding != encoding:
            self._encodings.append((self._told, encoding))
        self._told = len(self._places)

    def write(self, pcm16: bytes) -> int:
        """Note the place of a piece."""
        place = self._end
        self._places.append(place)
        self._numbers.append(self._number)
        self._end += len(pcm16)
        return place

    def read(self, place: int, size_bytes: int) -> bytes:
        """What was noted there; silence where the line has no audio any more."""
        found = bytearray()
        index = max(0, bisect_right(self._places, place) - 1)
        while len(found) < size_bytes and index < len(self._places):
            begin = self._places[index]
            end = self._places[index + 1] if index + 1 < len(self._places) else self._end
            low, high = max(place, begin) - begin, min(place + size_bytes, end) - begin
            found += self._piece(index)[low:high].ljust(high - low, b"\0")
            index += 1
        return bytes(found)

    def _piece(self, index: int) -> bytes:
        number = self._numbers[index]
        line = self._lines.line(number) if self._lines.has_audio(number) else None
        known = bisect_right(self._encodings, index, key=lambda each: each[0])
        if not isinstance(line, Frame) or not known:
            return b""
        try:
            content = parse_object(line.message)
        except DecodeError:
            return b""
        sound = content.get("audio", content.get("delta"))  # so in every family and dialect: a test holds it
        if not isinstance(sound, str):
            return b""
        return FrameSound(base64=sound, encoding=self._encodings[known - 1][1]).pcm16()
