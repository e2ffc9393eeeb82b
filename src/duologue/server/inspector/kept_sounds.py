"""The samples of a call, read again from its lines when they are listened to: they are not kept twice."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from duologue.inspection.page.sound_lanes import sound_in
from duologue.inspection.reading import FrameReader
from duologue.inspection.session_in_force import SessionClock, SessionInForce
from duologue.recording import Frame, Header
from duologue.server.inspector.kept_lines import KeptLines

__all__ = ["KeptSounds"]


class KeptSounds:
    """A `SoundStore` of one side. Before each line is folded, `at` says which it is."""

    def __init__(self, header: Header, lines: KeptLines) -> None:
        self._reader = FrameReader(header)
        self._lines = lines
        self._number = 0
        self._settings = SessionInForce()
        self._end = 0
        self._places = array("Q")
        self._numbers = array("I")
        self._in_force: list[tuple[int, SessionInForce]] = []
        """From which index of these on which settings were in force."""

    def at(self, number: int, settings: SessionInForce) -> None:
        """This line is folded next, with these settings."""
        self._number, self._settings = number, settings

    def write(self, pcm16: bytes) -> int:
        """Note the place of a piece."""
        if not self._in_force or self._in_force[-1][1] is not self._settings:
            self._in_force.append((len(self._places), self._settings))
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
        if not isinstance(line, Frame):
            return b""
        session = SessionClock()
        session.settings = self._in_force[bisect_right(self._in_force, index, key=lambda each: each[0]) - 1][1]
        sound = sound_in(self._reader.read(line), session)
        return sound.pcm16 if sound is not None else b""
